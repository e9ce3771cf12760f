import com.google.api.gax.core.CredentialsProvider;
import com.google.api.gax.core.NoCredentialsProvider;
import com.google.api.gax.grpc.GrpcTransportChannel;
import com.google.api.gax.rpc.FixedTransportChannelProvider;
import com.google.api.gax.rpc.TransportChannelProvider;
import com.google.cloud.pubsub.v1.MessageReceiverWithAckResponse;
import com.google.cloud.pubsub.v1.Publisher;
import com.google.cloud.pubsub.v1.Subscriber;
import com.google.cloud.pubsub.v1.SubscriptionAdminClient;
import com.google.cloud.pubsub.v1.SubscriptionAdminSettings;
import com.google.cloud.pubsub.v1.TopicAdminClient;
import com.google.cloud.pubsub.v1.TopicAdminSettings;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.ByteString;
import com.google.pubsub.v1.PubsubMessage;
import com.google.pubsub.v1.PullRequest;
import com.google.pubsub.v1.ReceivedMessage;
import com.google.pubsub.v1.Subscription;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;

/** What a scenario works on: resources that bear its own name, and the clients to reach them. */
final class Bench {
  static final String PROJECT = "java-client";
  static final CredentialsProvider NOBODY = NoCredentialsProvider.create();

  final TransportChannelProvider channel;
  final TopicAdminClient topics;
  final SubscriptionAdminClient subscriptions;
  final String name;

  /** The broker at {@code host}: this client alone does not read PUBSUB_EMULATOR_HOST itself. */
  Bench(String host, String name) throws Exception {
    this.name = name;
    ManagedChannel plain = ManagedChannelBuilder.forTarget(host)
        .usePlaintext().maxInboundMessageSize(20 << 20).build();
    channel = FixedTransportChannelProvider.create(GrpcTransportChannel.create(plain));
    topics = TopicAdminClient.create(TopicAdminSettings.newBuilder()
        .setTransportChannelProvider(channel).setCredentialsProvider(NOBODY).build());
    subscriptions = SubscriptionAdminClient.create(SubscriptionAdminSettings.newBuilder()
        .setTransportChannelProvider(channel).setCredentialsProvider(NOBODY).build());
  }

  String topic(String suffix) {
    return "projects/" + PROJECT + "/topics/" + name + suffix;
  }

  String subscription(String suffix) {
    return "projects/" + PROJECT + "/subscriptions/" + name + suffix;
  }

  /** Makes a topic and a subscription to it with the fields of {@code more}. */
  void create(String suffix, Subscription.Builder more) {
    topics.createTopic(topic(suffix));
    subscriptions.createSubscription(
        more.setName(subscription(suffix)).setTopic(topic(suffix)).build());
  }

  Publisher.Builder publisher() {
    return Publisher.newBuilder(topic(""))
        .setChannelProvider(channel).setCredentialsProvider(NOBODY);
  }

  /** One after the other, each once the one before was answered. */
  void publish(PubsubMessage... messages) throws Exception {
    Publisher publisher = publisher().build();
    for (PubsubMessage message : messages) {
      publisher.publish(message).get();
    }
    publisher.shutdown();
  }

  static PubsubMessage message(String text) {
    return PubsubMessage.newBuilder().setData(ByteString.copyFromUtf8(text)).build();
  }

  static PubsubMessage message(String text, Map<String, String> attributes) {
    return message(text).toBuilder().putAllAttributes(attributes).build();
  }

  Subscriber.Builder subscriber(MessageReceiverWithAckResponse receiver) {
    return Subscriber.newBuilder(subscription(""), receiver)
        .setChannelProvider(channel).setCredentialsProvider(NOBODY);
  }

  /** A message and how to settle it. */
  record Delivery(PubsubMessage message, Settle settle) {
    String text() {
      return message.getData().toStringUtf8();
    }
  }

  /** Acknowledges or gives back; resolves to the client's word for how that went. */
  interface Settle {
    java.util.concurrent.Future<?> ack();

    java.util.concurrent.Future<?> nack();
  }

  /** Hands messages over, one at a time, until {@code handle} says that it has what it wants. */
  void receive(Predicate<Delivery> handle) throws Exception {
    CountDownLatch done = new CountDownLatch(1);
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Object turn = new Object();
    Subscriber subscriber = subscriber((message, consumer) -> {
      synchronized (turn) {
        Settle settle = new Settle() {
          public java.util.concurrent.Future<?> ack() {
            return consumer.ack();
          }

          public java.util.concurrent.Future<?> nack() {
            return consumer.nack();
          }
        };
        if (done.getCount() == 0) {
          settle.nack();
        } else if (handle.test(new Delivery(message, settle))) {
          done.countDown();
        }
      }
    }).build();
    subscriber.addListener(new Subscriber.Listener() {
      @Override
      public void failed(Subscriber.State from, Throwable error) {
        failure.set(error);
        done.countDown();
      }
    }, MoreExecutors.directExecutor());
    subscriber.startAsync();
    done.await();
    if (failure.get() != null) {
      throw new ExecutionException(failure.get());
    }
    subscriber.stopAsync().awaitTerminated();
  }

  /** Acknowledges so many messages; their texts, sorted. */
  List<String> take(int count) throws Exception {
    List<String> texts = new ArrayList<>();
    receive(delivery -> {
      texts.add(delivery.text());
      delivery.settle().ack();
      return texts.size() == count;
    });
    texts.sort(null);
    return texts;
  }

  /** Waits for one message by a unary call. */
  ReceivedMessage pull(String suffix) {
    PullRequest request = PullRequest.newBuilder()
        .setSubscription(subscription(suffix)).setMaxMessages(1).build();
    while (true) {
      List<ReceivedMessage> received =
          subscriptions.pullCallable().call(request).getReceivedMessagesList();
      if (!received.isEmpty()) {
        return received.get(0);
      }
    }
  }

  void acknowledge(String ackId) {
    subscriptions.acknowledge(subscription(""), List.of(ackId));
  }
}
