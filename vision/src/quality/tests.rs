use super::*;

fn quality(values: &[(QualityComponent, u8)]) -> FaceQuality {
    let components = values.iter().map(|(component, value)| ComponentQuality {
        component: *component,
        value: *value,
        hint: None,
    });
    FaceQuality {
        components: components.collect(),
    }
}

#[test]
fn the_worst_component_decides() {
    let mut values = QualityComponent::ALL.map(|c| (c, 90));
    assert_eq!(quality(&values).overall(), 90);
    assert!(QualityGate::ENROLMENT.faults(&quality(&values)).is_empty());
    values[3].1 = 30;
    let poor = quality(&values);
    assert_eq!(poor.overall(), 30);
    let faults = QualityGate::ENROLMENT.faults(&poor);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].component, QualityComponent::ALL[3]);
    assert!(QualityGate::PROBE.faults(&poor).is_empty());
}

#[test]
fn what_was_not_measured_stands_in_the_way() {
    let values: Vec<_> = QualityComponent::ALL
        .into_iter()
        .filter(|c| *c != QualityComponent::Pose)
        .map(|c| (c, 90))
        .collect();
    let faults = QualityGate::ENROLMENT.faults(&quality(&values));
    assert_eq!(faults[0].component, QualityComponent::Pose);
    assert_eq!(quality(&values).overall(), 0);
}

#[test]
fn names_are_keys() {
    let mut names: Vec<&str> = QualityHint::ALL.iter().map(|h| h.as_str()).collect();
    names.extend(QualityComponent::ALL.map(QualityComponent::as_str));
    let is_key = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    assert!(names.iter().all(is_key));
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names.len(),
        QualityHint::ALL.len() + QualityComponent::ALL.len()
    );
}
