use super::sample::model;
use super::*;

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/model.regard");
    model().save(&path).unwrap();
    let read = LearnedModel::open(&path).unwrap();
    assert_eq!(read, model());
    let (classified, _) = read.classify(&[1.0, 0.0], None).unwrap();
    assert_eq!(classified.decision.as_deref(), Some("cola"));
    assert_eq!(classified.set, ["cola"]);
    assert!(read.classify(&[1.0], None).is_err());
    assert_eq!(
        std::fs::read_dir(folder.path().join("deep"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn any_changed_byte_and_any_cut_is_noticed() {
    let bytes = model().to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        assert!(LearnedModel::from_bytes(&changed).is_err(), "byte {at}");
        assert!(
            LearnedModel::from_bytes(&bytes[..at]).is_err(),
            "cut at {at}"
        );
    }
    assert!(matches!(
        LearnedModel::from_bytes(b"PK\x03\x04"),
        Err(ModelFileError::Foreign)
    ));
}

/// Whoever can compute a hash can write any file: what it claims is checked all the same, and nothing is allocated for claims.
#[test]
fn lying_files_are_refused() {
    let good = model();
    let body_of = |model: &LearnedModel| {
        let bytes = model.to_bytes();
        bytes[..bytes.len() - HASH_LEN].to_vec()
    };
    let refused = |change: &dyn Fn(&mut LearnedModel)| {
        let mut model = good.clone();
        change(&mut model);
        LearnedModel::from_body(&body_of(&model))
            .unwrap_err()
            .to_string()
    };
    assert!(
        refused(&|m| m.note.classes[0] = "muslim".to_owned()).starts_with("sensitive_inference")
    );
    assert!(refused(&|m| m.note.classes[0] = "water".to_owned()).contains("one name"));
    assert!(refused(&|m| m.note.temperature = 0.0).contains("temperature"));
    assert!(refused(&|m| m.note.error = 0.9).contains("error"));
    assert!(refused(&|m| m.head.bias[0] = f32::NAN).contains("number"));
    assert!(refused(&|m| m.centers.ends = vec![3, 1]).contains("order"));
    assert!(refused(&|m| m.centers.ends = vec![1, u32::MAX]).contains("order"));
    let mut longer = body_of(&good);
    longer.push(0);
    assert!(
        LearnedModel::from_body(&longer)
            .unwrap_err()
            .to_string()
            .contains("goes on")
    );
    let mut huge = body_of(&good);
    huge[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(
        LearnedModel::from_body(&huge)
            .unwrap_err()
            .to_string()
            .contains("too long")
    );
}
