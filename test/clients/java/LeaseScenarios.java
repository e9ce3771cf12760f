import com.google.api.gax.batching.FlowControlSettings;
import com.google.cloud.pubsub.v1.Subscriber;
import com.google.pubsub.v1.PullRequest;
import com.google.pubsub.v1.Subscription;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** What a subscriber holds: how much, and for how long. */
final class LeaseScenarios {
  private LeaseScenarios() {}

  /** Sixty messages through a window of five. */
  static Map<String, Object> flowControl(Bench bench) throws Exception {
    bench.create("", Subscription.newBuilder());
    for (int at = 0; at < 60; at++) {
      bench.publish(Bench.message("" + at));
    }
    Set<String> received = ConcurrentHashMap.newKeySet();
    AtomicInteger held = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    CountDownLatch done = new CountDownLatch(1);
    Subscriber subscriber = bench.subscriber((message, consumer) -> {
      most.accumulateAndGet(held.incrementAndGet(), Math::max);
      held.decrementAndGet();
      consumer.ack();
      received.add(message.getMessageId());
      if (received.size() == 60) {
        done.countDown();
      }
    }).setFlowControlSettings(
        FlowControlSettings.newBuilder().setMaxOutstandingElementCount(5L).build()).build();
    subscriber.startAsync();
    done.await();
    subscriber.stopAsync().awaitTerminated();
    return Map.of("received", received.size(), "isBounded", most.get() <= 5);
  }

  /** One message is held over more than two deadlines of its subscription. */
  static Map<String, Object> lease(Bench bench) throws Exception {
    bench.create("", Subscription.newBuilder().setAckDeadlineSeconds(10));
    bench.publish(Bench.message("held"));
    AtomicInteger deliveries = new AtomicInteger();
    CountDownLatch done = new CountDownLatch(1);
    Subscriber subscriber = bench.subscriber((message, consumer) -> {
      if (deliveries.incrementAndGet() > 1) {
        consumer.nack();
        return;
      }
      try {
        Thread.sleep(25_000);
      } catch (InterruptedException stopped) {
        Thread.currentThread().interrupt();
      }
      consumer.ack();
      done.countDown();
    }).build();
    subscriber.startAsync();
    done.await();
    subscriber.stopAsync().awaitTerminated();
    @SuppressWarnings("deprecation") // A look that does not wait is what this needs.
    PullRequest look = PullRequest.newBuilder().setSubscription(bench.subscription(""))
        .setMaxMessages(1).setReturnImmediately(true).build();
    int left = bench.subscriptions.pullCallable().call(look).getReceivedMessagesCount();
    return Map.of("deliveries", deliveries.get(), "left", left);
  }
}
