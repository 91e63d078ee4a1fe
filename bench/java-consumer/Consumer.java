import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;

/** Kafka's own client with enable.auto.commit, its default: one file an event. OTHER_THREAD=1 hands the work to another thread. */
public class Consumer {
    public static void main(String[] arguments) throws Exception {
        Path folder = Files.createDirectories(Path.of(System.getenv("EFFECTS")));
        Properties settings = new Properties();
        settings.put("bootstrap.servers", System.getenv("KAFKA_BOOTSTRAP"));
        settings.put("group.id", System.getenv("GROUP"));
        settings.put("enable.auto.commit", "true");
        settings.put("auto.commit.interval.ms", "200");
        settings.put("auto.offset.reset", "earliest");
        settings.put("session.timeout.ms", "6000");
        settings.put("heartbeat.interval.ms", "1000");
        settings.put("max.poll.records", "50");
        settings.put("key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
        settings.put("value.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
        ExecutorService other = "1".equals(System.getenv("OTHER_THREAD")) ? Executors.newSingleThreadExecutor() : null;
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings)) {
            consumer.subscribe(List.of(System.getenv("TOPIC")));
            System.out.println("consumer is ready");
            while (true) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    if (other == null) {
                        handle(folder, record);
                    } else {
                        other.submit(() -> handle(folder, record));
                    }
                }
            }
        }
    }

    private static void handle(Path folder, ConsumerRecord<byte[], byte[]> record) {
        try {
            String id = new String(record.headers().lastHeader("ce_id").value(), StandardCharsets.UTF_8);
            // The work that a crash may interrupt.
            Thread.sleep(4);
            Path partial = Files.write(folder.resolve("." + id), record.value());
            Files.move(partial, folder.resolve(id), StandardCopyOption.ATOMIC_MOVE);
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }
}
