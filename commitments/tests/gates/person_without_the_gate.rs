use regard_commitments::{Grant, Personalization, Recognition};
use regard_domain::PersonId;

fn enter_context(_: &Grant<Personalization>) {}

fn who_was_recognised_only(key: &Grant<Recognition>) {
    enter_context(key);
}

fn with_an_id_only(person: PersonId) {
    enter_context(person);
}

fn main() {}
