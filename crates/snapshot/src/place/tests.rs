#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::objects::without_secrets;
use super::*;

fn places() -> (tempfile::TempDir, [Place; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::open(folder.path().to_str().unwrap(), &BTreeMap::new()).unwrap();
    (folder, [place, Place::in_memory()])
}

#[tokio::test]
async fn what_is_put_is_there_until_it_is_deleted() {
    let (_folder, places) = places();
    for place in places {
        assert_eq!(place.list("a").await.unwrap(), Listed::default());
        assert!(matches!(place.get("a/b/one", 10).await, Err(Error::Absent(_))));
        for name in ["a/b/one", "a/b/two", "a/three"] {
            place.put(name, name.as_bytes().to_vec()).await.unwrap();
        }
        assert_eq!(place.get("a/b/one", 7).await.unwrap(), b"a/b/one");
        assert!(matches!(place.get("a/b/one", 6).await, Err(Error::Damaged(_))), "{place}");
        let listed = place.list("a").await.unwrap();
        assert_eq!(listed, Listed { objects: vec!["three".to_owned()], folders: vec!["b".to_owned()] });
        assert_eq!(place.list("a/b").await.unwrap().objects, ["one", "two"]);
        assert_eq!(place.list("").await.unwrap().folders, ["a"]);
        place.put("a/three", b"3".to_vec()).await.unwrap();
        assert_eq!(place.get("a/three", 10).await.unwrap(), b"3");
        for name in ["a/b/one", "a/b/two", "a/three", "a/three"] {
            place.delete(name).await.unwrap();
        }
        assert_eq!(place.list("a").await.unwrap(), Listed::default(), "{place}");
        assert_eq!(place.list("").await.unwrap(), Listed::default(), "{place}");
    }
}

#[tokio::test]
async fn what_is_being_written_is_not_seen() {
    let (folder, [place, _]) = places();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::write(folder.path().join("a/.1-1.tmp"), "half").unwrap();
    assert_eq!(place.list("a").await.unwrap(), Listed::default());
}

#[test]
fn an_address_that_can_not_be_used_is_refused_with_what_to_do() {
    let refused = |text: &str| match Place::open(text, &BTreeMap::new()) {
        Err(Error::Configuration(why)) => why,
        opened => panic!("{text}: {opened:?}"),
    };
    assert!(refused("ftp://host/folder").contains("s3://"));
    for secret in
        ["s3://me:hunter2@bucket/x", "s3://bucket/x?key=hunter2", "az://container?sig=hunter2", "s3://[hunter2"]
    {
        assert!(!refused(secret).contains("hunter2"), "{secret}");
    }
    for (url, feature, is_built) in [
        ("s3://bucket/x", "s3", cfg!(feature = "s3")),
        ("gs://bucket/x", "gcs", cfg!(feature = "gcs")),
        ("az://container/x", "azure", cfg!(feature = "azure")),
    ] {
        if !is_built {
            assert!(refused(url).contains(&format!("--features {feature}")), "{url}");
        }
    }
}

#[cfg(feature = "s3")]
#[test]
fn a_bucket_takes_its_keys_from_the_environment() {
    let environment = [("AWS_ACCESS_KEY_ID", "me"), ("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_REGION", "eu-north-1")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let place = Place::open("s3://bucket/x", &environment).unwrap();
    assert_eq!(place.to_string(), "s3://bucket/x");
    assert!(!format!("{place:?}").contains("hunter2"));
}

#[test]
fn a_file_url_is_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/new", folder.path().display());
    assert!(Place::open(&url, &BTreeMap::new()).is_ok());
    assert!(folder.path().join("new").is_dir());
}

#[test]
fn what_stands_behind_a_question_mark_is_not_shown() {
    let shown = without_secrets("GET (https://host/x?sig=hunter2&b=1) failed: \"https://host?sig=hunter2\" twice");
    assert_eq!(shown, "GET (https://host/x?) failed: \"https://host?\" twice");
}
