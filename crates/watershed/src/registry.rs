//! The one list where pipe sources and targets meet.
