//! The bus of squall-env over Kafka.
