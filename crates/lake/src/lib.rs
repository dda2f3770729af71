//! Delivery streams: buffer, partition, format, commit; and the catalog.
