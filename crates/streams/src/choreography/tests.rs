#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::{Choreography, ChoreographyBuilder, Step};

fn order() -> Vec<Step> {
    vec![
        Step::on("orders", "Place").emits(&["Created"]).needs_no_undo(),
        Step::on("stock", "Created").emits(&["Held", "Refused"]).undone_by("Cancelled"),
        Step::on("orders", "Held").emits(&["Done"]).irreversible(),
        Step::on("orders", "Refused").emits(&["Cancelled"]).needs_no_undo(),
        Step::on("stock", "Cancelled").emits(&["Released"]).compensates(),
    ]
}

fn with(steps: Vec<Step>) -> ChoreographyBuilder {
    Choreography::builder().starts_with("Place").ends_with("Done").ends_with("Released").steps(steps)
}

#[test]
fn a_sound_choreography_passes_and_draws_itself() {
    let checked = with(order()).check().unwrap();
    let drawn = checked.mermaid();
    assert!(drawn.contains("Created -->|stock| Held"), "{drawn}");
    assert!(drawn.contains("Cancelled -.->|stock| Released"), "{drawn}");
    assert_eq!(checked.follows("Created").collect::<Vec<_>>(), ["Held", "Refused"]);
}

#[test]
fn a_memory_of_its_owner_needs_no_reaction_and_may_have_none() {
    let noted = |change: fn(&mut Vec<Step>)| {
        let mut steps = order();
        steps[2] = Step::on("orders", "Held").emits(&["Done", "Noted"]).irreversible();
        change(&mut steps);
        with(steps)
    };
    let error = noted(|_| ()).check().unwrap_err();
    assert!(error.problems.iter().any(|problem| problem.contains("Noted is a dead end")), "{:?}", error.problems);
    let drawn = noted(|_| ()).remembers("Noted").check().unwrap().mermaid();
    assert!(drawn.contains("Noted:::remembered"), "{drawn}");
    let check = |builder: ChoreographyBuilder, expected: &str| {
        let problems = builder.remembers("Noted").check().unwrap_err().problems;
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
    };
    check(with(order()), "no step emits it");
    check(noted(|_| ()).ends_with("Noted"), "a memory and an end");
    check(noted(|steps| steps.push(Step::on("mail", "Noted").needs_no_undo())), "mail reacts to it");
    check(
        noted(|steps| steps.push(Step::on("orders", "Created").emits(&["Noted"]).needs_no_undo())),
        "nothing but memories",
    );
}

#[test]
fn every_flaw_is_named() {
    let check = |change: fn(&mut Vec<Step>), expected: &str| {
        let mut steps = order();
        change(&mut steps);
        let error = with(steps).check().unwrap_err();
        assert!(error.problems.iter().any(|problem| problem.contains(expected)), "{expected}: {:?}", error.problems);
    };
    check(|steps| drop(steps.remove(2)), "Held is a dead end");
    check(|steps| steps.push(Step::on("mail", "Never").needs_no_undo()), "can't be reached");
    check(|steps| steps.push(Step::on("mail", "Held").emits(&["Done"]).irreversible()), "Done has several owners");
    check(|steps| steps.push(Step::on("mail", "Created").emits(&["Done"])), "does not say how it is undone");
    check(|steps| drop(steps.remove(4)), "stock has no compensation on it");
    check(|steps| steps.push(Step::on("stock", "Refused").emits(&["Released"]).compensates()), "on several triggers");
}
