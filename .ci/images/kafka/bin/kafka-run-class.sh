#!/bin/sh
# Runs a class of Kafka's: the heap and the options are Kafka's own variables. The jars stand in one order everywhere, or an archive of
# loaded classes would not fit.
exec java ${KAFKA_HEAP_OPTS:--Xmx256M} ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseG1GC -Djava.awt.headless=true} \
    ${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=/etc/kafka/docker/tools-log4j2.yaml} ${KAFKA_OPTS:-} \
    -cp "$(echo /opt/kafka/libs/*.jar | tr ' ' :)" "$@"
