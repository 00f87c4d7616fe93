#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_schema::registry::Registry;
use headwater_schema::registry_client::ClientSettings;

use super::*;

#[test]
fn the_declaration_that_is_built_in_can_be_read() {
    let declared = declaration().unwrap();
    for topic in ["orders.commands", "orders.events", "inventory.products", "headwater.members"] {
        assert!(declared.topic(topic).is_some(), "{topic} is not declared");
    }
    for topic in ALL_TOPICS {
        assert!(declared.topic(topic.name).is_some(), "{} is in the contracts only", topic.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_are_registered_once_and_with_their_level() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(headwater_schema::registry::serve(listener, Arc::new(Registry::in_memory())));
    let client = || RegistryClient::new(ClientSettings::from_urls(&url).unwrap()).unwrap();
    let declared = declaration().unwrap();
    let prefix = TopicPrefix::new("test.").unwrap();

    let new = register_schemas(&client(), &declared, &prefix).await.unwrap();
    assert_eq!(new, client().subjects().await.unwrap().len());
    assert!(client().subjects().await.unwrap().contains(&"test.orders.commands-value".to_owned()));
    let level = client().level(Some("test.orders.events-headwater.orders.OrderCreated")).await.unwrap();
    assert_eq!(level, Some(Level::BackwardTransitive));

    assert_eq!(register_schemas(&client(), &declared, &prefix).await.unwrap(), 0, "the second time nothing is new");
}
