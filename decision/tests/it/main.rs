//! Room tests, through the door only.
