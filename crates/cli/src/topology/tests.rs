#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;

use super::*;

#[test]
fn every_processor_is_described_in_every_shape() {
    let all = platform::all().unwrap();
    assert!(describe(&all, Shape::Text).unwrap().contains("processor order-views\n"));
    assert_eq!(describe(&all, Shape::Mermaid).unwrap().matches("flowchart LR").count(), all.len());
    let json: Value = serde_json::from_str(&describe(&all, Shape::Json).unwrap()).unwrap();
    assert_eq!(json.as_array().unwrap().len(), all.len());
    let one: Value = serde_json::from_str(&describe(&all[..1], Shape::Json).unwrap()).unwrap();
    assert_eq!(one["processor"], "orders");
}

#[test]
fn a_manifest_is_compared_with_what_runs_now() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifest.json");
    let topologies = [platform::named("order-views").unwrap()];
    std::fs::write(&file, describe(&topologies, Shape::Manifest).unwrap()).unwrap();
    check(&topologies, &file).unwrap();

    let mut manifest: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    manifest["subtopologies"][0]["name"] = "renamed".into();
    std::fs::write(&file, manifest.to_string()).unwrap();
    let error = check(&topologies, &file).unwrap_err();
    assert!(error.to_string().contains("renamed"), "{error}");
}
