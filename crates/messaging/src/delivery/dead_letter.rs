//! Dead letters: what could not be delivered, in the queue a target names, in the transaction that ends the delivery.

use state::Write;

use super::Outside;
use super::attempt::Failure;
use super::lane::Delivery;
use crate::Error;
use crate::bus::Target;
use crate::queue::{Attribute, Attributes, NewMessage, Payload};

/// The longest error message in an attribute.
const MESSAGE_CHARS_MAX: usize = 1024;

/// Puts a delivery that is given up into the dead-letter queue of its target. Without one, or when that is no queue of this
/// program, the delivery is dropped and said so.
pub(super) fn put(
    outside: &Outside,
    tx: &Write<'_>,
    delivery: &Delivery,
    target: &Target,
    failure: &Failure,
    condition: Option<&'static str>,
) -> Result<(), Error> {
    let code = failure.code.as_str();
    let arn = target.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref());
    let Some(arn) = arn else {
        tracing::warn!(
            origin = delivery.origin,
            target = target.arn,
            code,
            "a delivery was given up; there is no dead-letter queue"
        );
        return Ok(());
    };
    let parsed = arn.parse::<event::Arn>().ok();
    let queue =
        outside.queues.as_ref().zip(parsed.as_ref()).and_then(|(queues, arn)| Some((queues, queues.name_of(arn)?)));
    let Some((queues, name)) = queue else {
        tracing::warn!(
            origin = delivery.origin,
            dead_letter = arn,
            code,
            "a delivery was given up; its dead-letter queue is not ours"
        );
        return Ok(());
    };
    let message = NewMessage {
        body: delivery.body.clone(),
        attributes: attributes(delivery, target, failure, condition),
        ..NewMessage::default()
    };
    match queues.insert(tx, name, vec![message]) {
        Ok(_) => Ok(()),
        Err(error @ Error::State(_)) => Err(error),
        Err(error) => {
            tracing::warn!(%error, origin = delivery.origin, dead_letter = arn, code, "a delivery was given up and its dead-letter queue refused it");
            Ok(())
        }
    }
}

fn attributes(delivery: &Delivery, target: &Target, failure: &Failure, condition: Option<&'static str>) -> Attributes {
    let message: String = failure.message.chars().take(MESSAGE_CHARS_MAX).collect();
    let origin = if delivery.origin.contains(":scheduler:") { "SCHEDULE_ARN" } else { "RULE_ARN" };
    let mut attributes = Attributes::new();
    let mut add = |name: &str, data_type: &str, value: String| {
        if !value.is_empty() {
            let attribute = Attribute { data_type: data_type.into(), value: Payload::Text(value) };
            attributes.insert(name.into(), attribute);
        }
    };
    add(origin, "String", delivery.origin.clone());
    add("TARGET_ARN", "String", target.arn.clone());
    add("ERROR_CODE", "String", failure.code.clone());
    add("ERROR_MESSAGE", "String", message);
    add("EXHAUSTED_RETRY_CONDITION", "String", condition.unwrap_or_default().into());
    add("RETRY_ATTEMPTS", "Number", delivery.attempts.to_string());
    attributes
}
