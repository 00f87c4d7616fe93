//! What a Confluent-compatible registry answers.

use serde_json::{Value, json};

use crate::script::{Case, Step, delete, get, post, post_text, put};

/// Records that differ in nothing but a field make versions to evolve.
const V1: &str = r#"{"type":"record","name":"Order","namespace":"n","fields":[{"name":"id","type":"string"}]}"#;
const V1_SPACED: &str = r#"  { "fields" : [ { "type":{"type":"string"}, "name":"id" } ], "name":"Order", "type":"record", "namespace":"n" } "#;
const V2: &str = r#"{"type":"record","name":"Order","namespace":"n","fields":[{"name":"id","type":"string"},{"name":"note","type":"string","default":""}]}"#;
/// Adds a field without a default: not backward compatible with V1, and with V2 it is.
const V3: &str = r#"{"type":"record","name":"Order","namespace":"n","fields":[{"name":"id","type":"string"},{"name":"note","type":"string"}]}"#;
/// Drops everything: backward compatible, and not forward compatible.
const BARE: &str = r#"{"type":"record","name":"Order","namespace":"n","fields":[]}"#;

fn schema(text: &str) -> Value {
    json!({"schema": text})
}

fn register(subject: &str, text: &str) -> Step {
    post(&format!("/subjects/{subject}/versions"), schema(text))
}

fn level(subject: &str, level: &str) -> Step {
    put(&format!("/config/{subject}"), json!({"compatibility": level}))
        .gives(200, json!({"compatibility": level}))
        .apicurio(200, json!({"compatibilityLevel": level}), ANSWERS_AS_GET)
}

const ANSWERS_AS_GET: &str = "answers PUT /config in the words of GET";
const IGNORES_PREFIX: &str = "ignores subjectPrefix and gives all subjects";
const NO_ROUTE: &str = "has no such route";
const TEXT_AS_IT_CAME: &str = "compares schemas as they were spelled";
const ANY_WORD: &str = "takes any word for a version, which is then not found";
const NOT_JUDGED: &str = "does not judge schemas that are empty or of unknown type";
const CONFLICTS: &str = "calls deletion in the wrong order a conflict";
const NO_SUBJECT_LEVEL: &str = "knows levels of subjects that exist only";
const LEVEL_WORDS: &str = "does not judge the level's word";
const OWN_WORDS: &str = "explains incompatibility in words of its own";
const NO_MESSAGES: &str = "gives no messages where there is nothing to say";
const ALWAYS_ALL: &str = "checks with all versions, whatever the level";
const NO_MODES: &str = "has no modes: they are answered and change nothing";

fn case(name: &'static str, steps: Vec<Step>) -> Case {
    Case { name, steps, apicurio_lacks: None }
}

pub fn all() -> Vec<Case> {
    let mut cases = vec![
        case(
            "a subject that is not there",
            vec![
                get("/subjects/{s}/versions").fails(404, 40401),
                get("/subjects/{s}/versions/1").fails(404, 40401),
                get("/subjects/{s}/versions/latest").fails(404, 40401),
                post("/subjects/{s}", schema(V1)).fails(404, 40401),
                delete("/subjects/{s}").fails(404, 40401),
                delete("/subjects/{s}/versions/1").fails(404, 40401),
            ],
        ),
        case(
            "a schema can be registered and read in every way",
            vec![
                register("{s}", V1).gives(200, json!({"id": "$id"})),
                get("/subjects").gives(200, json!({"$has": ["{s}"]})),
                get("/subjects?subjectPrefix={s}").gives(200, json!(["{s}"])).apicurio(
                    200,
                    json!({"$has": ["{s}"]}),
                    IGNORES_PREFIX,
                ),
                get("/subjects/{s}/versions").gives(200, json!([1])),
                get("/subjects/{s}/versions/1")
                    .gives(200, json!({"subject": "{s}", "version": 1, "id": "$id", "schema": "~Order"})),
                get("/subjects/{s}/versions/latest").gives(200, json!({"version": 1, "id": "$id"})),
                get("/subjects/{s}/versions/-1").gives(200, json!({"version": 1})),
                get("/subjects/{s}/versions/1/schema").gives(200, json!({"name": "Order"})),
                get("/subjects/{s}/versions/1/referencedby").gives(200, json!([])),
                get("/schemas/ids/{id}").gives(200, json!({"schema": "~Order"})),
                get("/schemas/ids/{id}/schema").gives(200, json!({"name": "Order"})),
                get("/schemas/ids/{id}/subjects").gives(200, json!({"$has": ["{s}"]})).apicurio(
                    404,
                    json!("$any"),
                    NO_ROUTE,
                ),
                get("/schemas/ids/{id}/versions").gives(200, json!({"$has": [{"subject": "{s}", "version": 1}]})),
                get("/schemas?subjectPrefix={s}")
                    .gives(200, json!([{"subject": "{s}", "version": 1, "id": "$id"}]))
                    .apicurio(404, json!("$any"), NO_ROUTE),
                post("/subjects/{s}", schema(V1)).gives(200, json!({"subject": "{s}", "version": 1, "id": "$id"})),
                get("/schemas/types").gives(200, json!({"$has": ["AVRO"]})),
            ],
        ),
        case(
            "the same schema has the same id, however it is spelled and wherever it is",
            vec![
                register("{s}", V1).gives(200, json!({"id": "$id"})),
                register("{s}-other", V1).gives(200, json!({"id": "$id"})),
                register("{s}", V1_SPACED).gives(200, json!({"id": "$id"})).apicurio(
                    200,
                    json!({"id": "$spaced"}),
                    TEXT_AS_IT_CAME,
                ),
                get("/subjects/{s}/versions").gives(200, json!([1])).apicurio(200, json!([1, 2]), TEXT_AS_IT_CAME),
                post("/subjects/{s}", schema(V1_SPACED)).gives(200, json!({"id": "$id"})).apicurio(
                    200,
                    json!({"id": "$spaced"}),
                    TEXT_AS_IT_CAME,
                ),
                register("{s}", V2).gives(200, json!({"id": "$id2"})),
                register("{s}", V1).gives(200, json!({"id": "$id"})),
                get("/subjects/{s}/versions").gives(200, json!([1, 2])).apicurio(
                    200,
                    json!([1, 2, 3]),
                    TEXT_AS_IT_CAME,
                ),
            ],
        ),
        case(
            "a schema that the subject does not have",
            vec![
                register("{s}", V1).gives(200, json!({"id": "$id"})),
                post("/subjects/{s}", schema(V2)).fails(404, 40403),
                get("/schemas/ids/2000000000").fails(404, 40403),
                get("/schemas/ids/2000000000/subjects").fails(404, 40403).apicurio(404, json!("$any"), NO_ROUTE),
                get("/schemas/ids/2000000000/versions").fails(404, 40403),
            ],
        ),
        case(
            "versions that are not there, and words that are none",
            vec![
                register("{s}", V1),
                get("/subjects/{s}/versions/99").fails(404, 40402),
                get("/subjects/{s}/versions/newest").fails(422, 42202).apicurio(
                    404,
                    json!({"error_code": 40402}),
                    ANY_WORD,
                ),
                get("/subjects/{s}/versions/0").fails(422, 42202).apicurio(404, json!({"error_code": 40402}), ANY_WORD),
                delete("/subjects/{s}/versions/99").fails(404, 40402),
                delete("/subjects/{s}/versions/newest").fails(422, 42202).apicurio(
                    404,
                    json!({"error_code": 40402}),
                    ANY_WORD,
                ),
            ],
        ),
        case(
            "what is no Avro schema",
            vec![
                register("{s}", r#"{"type":"record"}"#).fails(422, 42201),
                register("{s}", r#"{"type":"nothing"}"#).fails(422, 42201),
                register("{s}", "{").fails(422, 42201),
                register("{s}-empty", "").fails(422, 42201).apicurio(200, json!("$any"), NOT_JUDGED),
                post("/subjects/{s}/versions", json!({})).fails(422, 42201).apicurio(500, json!("$any"), NOT_JUDGED),
                post("/subjects/{s}/versions", json!({"schema": "struct A {}", "schemaType": "THRIFT"}))
                    .fails(422, 42201)
                    .apicurio(500, json!("$any"), NOT_JUDGED),
                get("/subjects/{s}/versions").fails(404, 40401),
            ],
        ),
        case(
            "an incompatible schema is refused",
            vec![
                register("{s}", V1),
                level("{s}", "BACKWARD"),
                register("{s}", V3).fails(409, 409),
                get("/subjects/{s}/versions").gives(200, json!([1])),
            ],
        ),
        case(
            "an incompatible schema is refused with field and rule",
            vec![
                register("{s}", V1),
                level("{s}", "BACKWARD"),
                register("{s}", V3)
                    .gives(409, json!({"error_code": 409, "message": "~READER_FIELD_MISSING_DEFAULT_VALUE"}))
                    .apicurio(409, json!({"error_code": 409}), OWN_WORDS),
                register("{s}", V3).gives(409, json!({"message": "~note"})),
                post("/compatibility/subjects/{s}/versions/latest?verbose=true", schema(V3))
                    .gives(
                        200,
                        json!({"is_compatible": false, "messages": {"$has": ["~READER_FIELD_MISSING_DEFAULT_VALUE"]}}),
                    )
                    .apicurio(200, json!({"is_compatible": false}), OWN_WORDS),
            ],
        ),
        case(
            "compatibility can be asked for",
            vec![
                post("/compatibility/subjects/{s}/versions/latest", schema(V1))
                    .gives(200, json!({"is_compatible": true})),
                register("{s}", V1),
                level("{s}", "BACKWARD"),
                post("/compatibility/subjects/{s}/versions/latest", schema(V2))
                    .gives(200, json!({"is_compatible": true})),
                post("/compatibility/subjects/{s}/versions/latest", schema(V3))
                    .gives(200, json!({"is_compatible": false})),
                post("/compatibility/subjects/{s}/versions/1", schema(V3)).gives(200, json!({"is_compatible": false})),
                post("/compatibility/subjects/{s}/versions", schema(V3)).gives(200, json!({"is_compatible": false})),
                post("/compatibility/subjects/{s}/versions/99", schema(V2)).fails(404, 40402),
                post("/compatibility/subjects/{s}/versions/newest", schema(V2)).fails(422, 42202).apicurio(
                    404,
                    json!({"error_code": 40402}),
                    ANY_WORD,
                ),
                post("/compatibility/subjects/{s}/versions/latest", schema("{")).fails(422, 42201),
                post("/compatibility/subjects/{s}/versions/latest?verbose=true", schema(V2))
                    .gives(200, json!({"is_compatible": true, "messages": []}))
                    .apicurio(200, json!({"is_compatible": true}), NO_MESSAGES),
            ],
        ),
        case(
            "a union of commands evolves by its branches",
            vec![
                register("{s}", &union(&[("A", ""), ("B", "")])),
                level("{s}", "BACKWARD"),
                register("{s}", &union(&[("A", ""), ("B", ""), ("C", "")])),
                register("{s}", &union(&[("A", ""), ("C", "")])).fails(409, 409),
                register("{s}", &union(&[("A", ""), ("B", r#"{"name":"x","type":"int"}"#), ("C", "")])).fails(409, 409),
                register("{s}", &union(&[("A", ""), ("B", r#"{"name":"x","type":"int","default":0}"#), ("C", "")])),
                get("/subjects/{s}/versions").gives(200, json!([1, 2, 3])),
            ],
        ),
    ];
    cases.extend(levels());
    cases.extend(settings());
    cases.extend(deletion());
    cases.extend(edges());
    cases
}

fn union(branches: &[(&str, &str)]) -> String {
    let branches: Vec<_> = branches
        .iter()
        .map(|(name, fields)| format!(r#"{{"type":"record","name":"n.{name}","fields":[{fields}]}}"#))
        .collect();
    format!("[{}]", branches.join(","))
}

/// For each level: may V3, BARE or the compatible V2 follow V1 and then V2?
fn levels() -> Vec<Case> {
    [
        ("NONE: anything follows", "NONE", true, true),
        ("BACKWARD: looks at the last version", "BACKWARD", true, true),
        ("BACKWARD_TRANSITIVE: looks at all versions", "BACKWARD_TRANSITIVE", false, true),
        ("FORWARD: the last version must read it", "FORWARD", true, false),
        ("FORWARD_TRANSITIVE: all versions must read it", "FORWARD_TRANSITIVE", true, false),
        ("FULL: both ways with the last version", "FULL", true, false),
        ("FULL_TRANSITIVE: both ways with all versions", "FULL_TRANSITIVE", false, false),
    ]
    .into_iter()
    .map(|(name, word, v3_follows, bare_follows)| {
        // The last is the answer where every version counts, as it always does for Apicurio.
        let check = |text, follows: bool, with_all: bool| {
            let step = post("/compatibility/subjects/{s}/versions", schema(text))
                .gives(200, json!({"is_compatible": follows}));
            match follows == with_all {
                true => step,
                false => step.apicurio(200, json!({"is_compatible": with_all}), ALWAYS_ALL),
            }
        };
        let v3_with_all = word == "NONE" || word.starts_with("FORWARD");
        let bare_with_all = word == "NONE" || word.starts_with("BACKWARD");
        let last = match v3_follows {
            true => register("{s}", V3).gives(200, json!({"id": "$id3"})),
            false => register("{s}", V3).fails(409, 409),
        };
        case(
            name,
            vec![
                register("{s}", V1),
                register("{s}", V2),
                level("{s}", word),
                get("/config/{s}").gives(200, json!({"compatibilityLevel": word})),
                check(V1, true, true),
                check(V3, v3_follows, v3_with_all),
                check(BARE, bare_follows, bare_with_all),
                last,
            ],
        )
    })
    .collect()
}

fn settings() -> Vec<Case> {
    vec![
        case(
            "the registry's level",
            vec![
                get("/config").gives(200, json!({"compatibilityLevel": "$before"})),
                put("/config", json!({"compatibility": "FULL"})).gives(200, json!({"compatibility": "FULL"})).apicurio(
                    200,
                    json!({"compatibilityLevel": "FULL"}),
                    ANSWERS_AS_GET,
                ),
                get("/config").gives(200, json!({"compatibilityLevel": "FULL"})),
                register("{s}", V1),
                post("/compatibility/subjects/{s}/versions/latest", schema(BARE))
                    .gives(200, json!({"is_compatible": false})),
                put("/config", json!({"compatibility": "SOMETIMES"})).fails(422, 42203).apicurio(
                    500,
                    json!("$any"),
                    LEVEL_WORDS,
                ),
                put("/config", json!({"compatibility": "{before}"})),
                get("/config").gives(200, json!({"compatibilityLevel": "{before}"})),
            ],
        ),
        case(
            "a subject's level",
            vec![
                get("/config/{s}").fails(404, 40408).apicurio(404, json!({"error_code": 40401}), NO_SUBJECT_LEVEL),
                get("/config").gives(200, json!({"compatibilityLevel": "$global"})),
                get("/config/{s}?defaultToGlobal=true").gives(200, json!({"compatibilityLevel": "{global}"})).apicurio(
                    404,
                    json!({"error_code": 40401}),
                    NO_SUBJECT_LEVEL,
                ),
                level("{s}", "FORWARD"),
                get("/config/{s}").gives(200, json!({"compatibilityLevel": "FORWARD"})),
                put("/config/{s}", json!({"compatibility": "SOMETIMES"})).fails(422, 42203).apicurio(
                    500,
                    json!("$any"),
                    LEVEL_WORDS,
                ),
                delete("/config/{s}").gives(200, json!({"compatibilityLevel": "FORWARD"})),
                get("/config/{s}").fails(404, 40408).apicurio(404, json!({"error_code": 40401}), NO_SUBJECT_LEVEL),
                delete("/config/{s}").fails(404, 40401),
            ],
        ),
        case(
            "the mode",
            vec![
                get("/mode").gives(200, json!({"mode": "READWRITE"})),
                get("/mode/{s}?defaultToGlobal=true").gives(200, json!({"mode": "READWRITE"})),
                get("/mode/{s}").fails(404, 40409),
                put("/mode/{s}", json!({"mode": "READONLY"})).gives(200, json!({"mode": "READONLY"})),
                get("/mode/{s}").gives(200, json!({"mode": "READONLY"})),
                register("{s}", V1).fails(422, 42205),
                put("/mode/{s}", json!({"mode": "SOMETIMES"})).fails(422, 42204),
                put("/mode/{s}", json!({"mode": "READWRITE"})).gives(200, json!({"mode": "READWRITE"})),
                register("{s}", V1).gives(200, json!({"id": "$id"})),
                put("/mode/{s}", json!({"mode": "READONLY"})).gives(200, json!({"mode": "READONLY"})),
                get("/subjects/{s}/versions/1").gives(200, json!({"id": "$id"})),
                delete("/subjects/{s}").fails(422, 42205),
                delete("/subjects/{s}/versions/1").fails(422, 42205),
                delete("/mode/{s}").gives(200, json!({"mode": "READONLY"})),
                get("/mode/{s}").fails(404, 40409),
            ],
        )
        .apicurio_lacks(NO_MODES),
        case(
            "schemas with their own ids are imported in IMPORT mode only",
            vec![
                post("/subjects/{s}/versions", json!({"schema": V1, "id": 1_900_000_001})).fails(422, 42205),
                put("/mode/{s}", json!({"mode": "IMPORT"})).gives(200, json!({"mode": "IMPORT"})),
                post("/subjects/{s}/versions", json!({"schema": IMPORTED, "id": 1_900_000_001, "version": 5}))
                    .gives(200, json!({"id": 1_900_000_001})),
                get("/subjects/{s}/versions").gives(200, json!([5])),
                get("/schemas/ids/1900000001").gives(200, json!({"schema": "~Imported"})),
                put("/mode/{s}", json!({"mode": "READWRITE"})),
                delete("/subjects/{s}").gives(200, json!([5])),
                delete("/subjects/{s}?permanent=true").gives(200, json!([5])),
                put("/mode/{s}", json!({"mode": "READWRITE"})),
            ],
        )
        .apicurio_lacks(NO_MODES),
    ]
}

const IMPORTED: &str = r#"{"type":"record","name":"Imported","fields":[]}"#;

fn deletion() -> Vec<Case> {
    vec![
        case(
            "a version is deleted softly, then for good",
            vec![
                register("{s}", V1).gives(200, json!({"id": "$id"})),
                register("{s}", V2).gives(200, json!({"id": "$id2"})),
                delete("/subjects/{s}/versions/1?permanent=true").fails(404, 40407).apicurio(
                    409,
                    json!({"error_code": 40407}),
                    CONFLICTS,
                ),
                delete("/subjects/{s}/versions/1").gives(200, json!(1)),
                delete("/subjects/{s}/versions/1").fails(404, 40406).apicurio(
                    409,
                    json!({"error_code": 40406}),
                    CONFLICTS,
                ),
                get("/subjects/{s}/versions").gives(200, json!([2])),
                get("/subjects/{s}/versions?deleted=true").gives(200, json!([1, 2])),
                get("/subjects/{s}/versions/1").fails(404, 40402),
                get("/subjects/{s}/versions/1?deleted=true").gives(200, json!({"id": "$id"})),
                get("/schemas/ids/{id}").gives(200, json!({"schema": "~Order"})),
                post("/subjects/{s}", schema(V1)).fails(404, 40403),
                post("/subjects/{s}?deleted=true", schema(V1)).gives(200, json!({"version": 1})),
                delete("/subjects/{s}/versions/1?permanent=true").gives(200, json!(1)),
                get("/subjects/{s}/versions?deleted=true").gives(200, json!([2])),
                get("/subjects/{s}/versions/1?deleted=true").fails(404, 40402),
            ],
        ),
        case(
            "the newest version is deleted by its word",
            vec![
                register("{s}", V1),
                register("{s}", V2),
                delete("/subjects/{s}/versions/latest").gives(200, json!(2)),
                get("/subjects/{s}/versions/latest").gives(200, json!({"version": 1})),
                register("{s}", V2),
                get("/subjects/{s}/versions").gives(200, json!([1, 3])),
            ],
        ),
        case(
            "a subject is deleted softly, then for good",
            vec![
                register("{s}", V1).gives(200, json!({"id": "$id"})),
                register("{s}", V2),
                delete("/subjects/{s}?permanent=true").fails(404, 40405).apicurio(
                    409,
                    json!({"error_code": 40405}),
                    CONFLICTS,
                ),
                delete("/subjects/{s}").gives(200, json!([1, 2])),
                delete("/subjects/{s}").fails(404, 40404),
                get("/subjects/{s}/versions").fails(404, 40401),
                get("/subjects?subjectPrefix={s}").gives(200, json!([])).apicurio(200, json!("$any"), IGNORES_PREFIX),
                get("/subjects?subjectPrefix={s}&deleted=true").gives(200, json!(["{s}"])).apicurio(
                    200,
                    json!({"$has": ["{s}"]}),
                    IGNORES_PREFIX,
                ),
                get("/subjects/{s}/versions?deleted=true").gives(200, json!([1, 2])),
                delete("/subjects/{s}?permanent=true").gives(200, json!([1, 2])),
                get("/subjects?subjectPrefix={s}&deleted=true").gives(200, json!([])).apicurio(
                    200,
                    json!("$any"),
                    IGNORES_PREFIX,
                ),
                delete("/subjects/{s}").fails(404, 40401),
            ],
        ),
        case(
            "a schema that comes back keeps its id and gets a new version",
            vec![
                register("{s}", V1).gives(200, json!({"id": "$id"})),
                delete("/subjects/{s}").gives(200, json!([1])),
                register("{s}", V1).gives(200, json!({"id": "$id"})),
                get("/subjects/{s}/versions").gives(200, json!([2])),
            ],
        ),
        case(
            "deleted versions do not count for compatibility",
            vec![
                register("{s}", V1),
                level("{s}", "BACKWARD"),
                register("{s}", V3).fails(409, 409),
                delete("/subjects/{s}/versions/1").gives(200, json!(1)),
                register("{s}", V3).gives(200, json!({"id": "$id"})),
                get("/subjects/{s}/versions").gives(200, json!([2])),
            ],
        ),
    ]
}

fn edges() -> Vec<Case> {
    vec![
        case(
            "lists come in pages",
            vec![
                register("{s}-a", V1),
                register("{s}-b", V1),
                register("{s}-c", V1),
                get("/subjects?subjectPrefix={s}&offset=1&limit=1").gives(200, json!(["{s}-b"])),
                get("/subjects?subjectPrefix={s}&offset=1&limit=-1").gives(200, json!(["{s}-b", "{s}-c"])),
            ],
        )
        .apicurio_lacks(IGNORES_PREFIX),
        case(
            "subjects may hold slashes, dots and spaces",
            vec![
                register("{s}%2Fa.b%20c", V1).gives(200, json!({"id": "$id"})),
                get("/subjects/{s}%2Fa.b%20c/versions").gives(200, json!([1])),
                get("/subjects?subjectPrefix={s}").gives(200, json!(["{s}/a.b c"])).apicurio(
                    200,
                    json!({"$has": ["{s}/a.b c"]}),
                    IGNORES_PREFIX,
                ),
            ],
        ),
        case(
            "a body that is no JSON",
            vec![post_text("/subjects/{s}/versions", "{").fails(400, 400).apicurio(
                400,
                json!("$any"),
                "says so in plain text",
            )],
        ),
        case(
            "routes and methods that are not there",
            vec![get("/nowhere").gives(404, json!("$any")), put("/subjects", json!({})).gives(405, json!("$any"))],
        ),
        case(
            "primitive schemas",
            vec![
                register("{s}", r#""string""#).gives(200, json!({"id": "$id"})),
                register("{s}-b", r#"{"type":"string"}"#).gives(200, json!({"id": "$id"})).apicurio(
                    200,
                    json!({"id": "$spaced"}),
                    TEXT_AS_IT_CAME,
                ),
                get("/schemas/ids/{id}").gives(200, json!({"schema": "\"string\""})),
            ],
        ),
        case(
            "normalized schemas agree where only spelling differs",
            vec![
                post(
                    "/subjects/{s}/versions?normalize=true",
                    schema(r#"{"type":"record","name":"n.N","b":1,"a":2,"fields":[]}"#),
                )
                .gives(200, json!({"id": "$id"})),
                post(
                    "/subjects/{s}/versions?normalize=true",
                    schema(r#"{"type":"record","namespace":"n","name":"N","a":2,"b":1,"fields":[]}"#),
                )
                .gives(200, json!({"id": "$id"}))
                .apicurio(200, json!({"id": "$spaced"}), TEXT_AS_IT_CAME),
                get("/subjects/{s}/versions").gives(200, json!([1])).apicurio(200, json!([1, 2]), TEXT_AS_IT_CAME),
            ],
        ),
    ]
}
