#!/bin/sh
# Finding K27a: a consumer on Kafka's Java client, with its default of committing on a timer, through two crashes. Held; with the work in
# another thread than the one that polls it loses events. Needs Java 11 or newer, and Maven for the client's jars.
# Usage: bench/k27a.sh [SQUALL]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
squall=$(realpath "${1:-$root/target/debug/squall}")
for tool in java mvn; do
    command -v $tool > /dev/null || { echo "SKIPPED, and so not passed: there is no $tool on the path"; exit 4; }
done
jars=$root/target/kafka-clients-4.2.1
if [ ! -f "$jars/pom.xml" ]; then
    mkdir -p "$jars"
    cat > "$jars/new.xml" << 'POM'
<project><modelVersion>4.0.0</modelVersion><groupId>squall</groupId><artifactId>k27a</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-clients</artifactId><version>4.2.1</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
POM
    mvn --quiet --batch-mode --file "$jars/new.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$jars"
    mv "$jars/new.xml" "$jars/pom.xml"
fi
export CLASSPATH="$jars/*"
cd "$root/bench/java-consumer"
exec "$squall" test k27a.yaml --out "$root/target/k27a"
