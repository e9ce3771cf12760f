import com.google.api.core.ApiFuture;
import com.google.api.gax.rpc.ApiException;
import com.google.cloud.pubsub.v1.Publisher;
import com.google.protobuf.ByteString;
import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Timestamps;
import com.google.pubsub.v1.DeadLetterPolicy;
import com.google.pubsub.v1.DetachSubscriptionRequest;
import com.google.pubsub.v1.PubsubMessage;
import com.google.pubsub.v1.ReceivedMessage;
import com.google.pubsub.v1.SeekRequest;
import com.google.pubsub.v1.Subscription;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** Each does one thing that users do, and tells what it saw. */
final class Scenarios {
  private Scenarios() {}

  static Map<String, Object> batching(Bench bench) throws Exception {
    bench.create("", Subscription.newBuilder());
    Publisher publisher = bench.publisher().build();
    List<ApiFuture<String>> answers = new ArrayList<>();
    for (int at = 0; at < 300; at++) {
      answers.add(publisher.publish(Bench.message("message " + at)));
    }
    Set<String> ids = new HashSet<>();
    for (ApiFuture<String> answer : answers) {
      ids.add(answer.get());
    }
    Set<String> received = new HashSet<>();
    bench.receive(delivery -> {
      received.add(delivery.message().getMessageId());
      delivery.settle().ack();
      return received.size() == 300;
    });
    received.retainAll(ids);
    return Map.of("ids", ids.size(), "received", received.size());
  }

  /** Three keys of twenty messages; the fourth of one key is given back once. */
  static Map<String, Object> ordering(Bench bench) throws Exception {
    bench.create("", Subscription.newBuilder().setEnableMessageOrdering(true));
    Publisher publisher = bench.publisher().setEnableMessageOrdering(true).build();
    for (int at = 0; at < 20; at++) {
      for (String key : List.of("a", "b", "c")) {
        ByteString data = ByteString.copyFrom(new byte[] {(byte) at});
        publisher.publish(PubsubMessage.newBuilder().setData(data).setOrderingKey(key).build());
      }
    }
    Map<String, Integer> last = new HashMap<>();
    Set<String> messages = new HashSet<>();
    AtomicBoolean inOrder = new AtomicBoolean(true);
    AtomicInteger gaveBack = new AtomicInteger();
    bench.receive(delivery -> {
      String key = delivery.message().getOrderingKey();
      int at = delivery.message().getData().byteAt(0);
      // A step forwards is one message; a step backwards begins a redelivery.
      if (at > last.getOrDefault(key, -1) + 1) {
        inOrder.set(false);
      }
      last.put(key, at);
      if (key.equals("a") && at == 3 && gaveBack.incrementAndGet() == 1) {
        delivery.settle().nack();
        return false;
      }
      delivery.settle().ack();
      messages.add(delivery.message().getMessageId());
      return messages.size() == 60 && gaveBack.get() > 1 && last.get("a") == 19;
    });
    return Map.of("messages", messages.size(), "inOrder", inOrder.get(),
        "redelivered", gaveBack.get() > 1);
  }

  static Map<String, Object> exactlyOnce(Bench bench) throws Exception {
    bench.create("", Subscription.newBuilder().setEnableExactlyOnceDelivery(true));
    for (int at = 0; at < 20; at++) {
      bench.publish(Bench.message("" + at));
    }
    List<Future<?>> results = new ArrayList<>();
    bench.receive(delivery -> {
      results.add(delivery.settle().ack());
      return results.size() == 20;
    });
    int confirmed = 0;
    for (Future<?> result : results) {
      confirmed += result.get().toString().equals("SUCCESSFUL") ? 1 : 0;
    }
    bench.publish(Bench.message("late"));
    ReceivedMessage first = bench.pull("");
    bench.subscriptions.modifyAckDeadline(
        bench.subscription(""), List.of(first.getAckId()), 0);
    ReceivedMessage second = bench.pull("");
    ApiException late = refusal(() -> bench.acknowledge(first.getAckId()));
    bench.acknowledge(second.getAckId());
    String again = code(refusal(() -> bench.acknowledge(second.getAckId())));
    String reason = late == null ? "" : late.getMetadata().get(first.getAckId());
    return Map.of("confirmed", confirmed, "late", reason, "again", again);
  }

  static Map<String, Object> deadLetter(Bench bench) throws Exception {
    bench.create("-grave", Subscription.newBuilder());
    bench.create("", Subscription.newBuilder().setDeadLetterPolicy(DeadLetterPolicy.newBuilder()
        .setDeadLetterTopic(bench.topic("-grave")).setMaxDeliveryAttempts(5)));
    bench.publish(Bench.message("poison"));
    List<Integer> attempts = new ArrayList<>();
    bench.receive(delivery -> {
      Map<String, String> attributes = delivery.message().getAttributesMap();
      attempts.add(Integer.valueOf(attributes.get("googclient_deliveryattempt")));
      delivery.settle().nack();
      return attempts.size() == 5;
    });
    PubsubMessage buried = bench.pull("-grave").getMessage();
    String prefix = "CloudPubSubDeadLetterSource";
    return Map.of("attempts", attempts, "text", buried.getData().toStringUtf8(),
        "count", buried.getAttributesOrThrow(prefix + "DeliveryCount"),
        "subscription", buried.getAttributesOrThrow(prefix + "Subscription"));
  }

  static Map<String, Object> filter(Bench bench) throws Exception {
    String wanted = "attributes.kind = \"wanted\" AND NOT attributes:muted";
    bench.create("", Subscription.newBuilder().setFilter(wanted));
    bench.publish(
        Bench.message("first", Map.of("kind", "wanted")),
        Bench.message("other", Map.of("kind", "other")),
        Bench.message("bare", Map.of("color", "red")),
        Bench.message("muted", Map.of("kind", "wanted", "muted", "")),
        Bench.message("second", Map.of("kind", "wanted", "color", "blue")));
    return Map.of("received", bench.take(2));
  }

  static Map<String, Object> snapshot(Bench bench) throws Exception {
    bench.create("", Subscription.newBuilder());
    bench.publish(Bench.message("1"), Bench.message("2"), Bench.message("3"));
    String name = "projects/" + Bench.PROJECT + "/snapshots/before";
    bench.subscriptions.createSnapshot(name, bench.subscription(""));
    List<String> first = bench.take(3);
    bench.subscriptions.seekCallable().call(SeekRequest.newBuilder()
        .setSubscription(bench.subscription("")).setSnapshot(name).build());
    return Map.of("first", first, "replayed", bench.take(3));
  }

  /** Back to the publish time of the first message, then over everything into the year 3000. */
  static Map<String, Object> seek(Bench bench) throws Exception {
    bench.create("", Subscription.newBuilder().setRetainAckedMessages(true));
    bench.publish(Bench.message("1"), Bench.message("2"), Bench.message("3"));
    List<Timestamp> times = new ArrayList<>();
    bench.receive(delivery -> {
      times.add(delivery.message().getPublishTime());
      delivery.settle().ack();
      return times.size() == 3;
    });
    times.sort(Timestamps.comparator());
    seekTo(bench, times.get(0));
    List<String> replayed = bench.take(3);
    bench.publish(Bench.message("purged"));
    seekTo(bench, Timestamps.parse("3000-01-01T00:00:00Z"));
    bench.publish(Bench.message("after"));
    return Map.of("replayed", replayed, "afterPurge", bench.take(1));
  }

  private static void seekTo(Bench bench, Timestamp time) {
    bench.subscriptions.seekCallable().call(SeekRequest.newBuilder()
        .setSubscription(bench.subscription("")).setTime(time).build());
  }

  static Map<String, Object> detach(Bench bench) throws Exception {
    bench.create("", Subscription.newBuilder());
    bench.topics.detachSubscription(DetachSubscriptionRequest.newBuilder()
        .setSubscription(bench.subscription("")).build());
    boolean detached = bench.subscriptions.getSubscription(bench.subscription("")).getDetached();
    ApiException stream = null;
    try {
      bench.receive(delivery -> false);
    } catch (ExecutionException failure) {
      stream = (ApiException) failure.getCause();
    }
    ApiException pull = refusal(() -> bench.pull(""));
    return Map.of("detached", detached, "pull", code(pull), "stream", code(stream));
  }

  static ApiException refusal(Runnable call) {
    try {
      call.run();
    } catch (ApiException refusal) {
      return refusal;
    }
    return null;
  }

  static String code(ApiException refusal) {
    return refusal == null ? "OK" : refusal.getStatusCode().getCode().name();
  }
}
