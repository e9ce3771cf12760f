package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func batching(ctx context.Context, b *Bench) (Facts, error) {
	if err := b.create(ctx, "", &pb.Subscription{}); err != nil {
		return nil, err
	}
	publisher := b.client.Publisher(b.topicName(""))
	defer publisher.Stop()
	var answers []*pubsub.PublishResult
	for at := range 300 {
		text := fmt.Sprintf("message %d", at)
		answers = append(answers, publisher.Publish(ctx, &pubsub.Message{Data: []byte(text)}))
	}
	ids, received := map[string]bool{}, map[string]bool{}
	for _, answer := range answers {
		id, err := answer.Get(ctx)
		if err != nil {
			return nil, err
		}
		ids[id] = true
	}
	subscriber := b.client.Subscriber(b.subscriptionName(""))
	err := b.receive(ctx, subscriber, func(message *pubsub.Message) bool {
		received[message.ID] = true
		message.Ack()
		return len(received) == 300
	})
	return Facts{"ids": len(ids), "received": len(received)}, err
}

// Three keys of twenty messages; the fourth of one key is given back once.
func ordering(ctx context.Context, b *Bench) (Facts, error) {
	if err := b.create(ctx, "", &pb.Subscription{EnableMessageOrdering: true}); err != nil {
		return nil, err
	}
	publisher := b.client.Publisher(b.topicName(""))
	publisher.EnableMessageOrdering = true
	defer publisher.Stop()
	for at := range 20 {
		for _, key := range []string{"a", "b", "c"} {
			data := []byte{byte(at)}
			publisher.Publish(ctx, &pubsub.Message{Data: data, OrderingKey: key})
		}
	}
	publisher.Flush()
	last, inOrder, gaveBack, messages := map[string]int{}, true, 0, map[string]bool{}
	subscriber := b.client.Subscriber(b.subscriptionName(""))
	err := b.receive(ctx, subscriber, func(message *pubsub.Message) bool {
		key, at := message.OrderingKey, int(message.Data[0])
		before, has := last[key]
		if !has {
			before = -1
		}
		// A step forwards is one message; a step backwards begins a redelivery.
		if at > before+1 {
			inOrder = false
		}
		last[key] = at
		if key == "a" && at == 3 {
			gaveBack++
			if gaveBack == 1 {
				message.Nack()
				return false
			}
		}
		message.Ack()
		messages[message.ID] = true
		return len(messages) == 60 && gaveBack > 1 && last["a"] == 19
	})
	facts := Facts{"messages": len(messages), "inOrder": inOrder, "redelivered": gaveBack > 1}
	return facts, err
}

func exactlyOnce(ctx context.Context, b *Bench) (Facts, error) {
	if err := b.create(ctx, "", &pb.Subscription{EnableExactlyOnceDelivery: true}); err != nil {
		return nil, err
	}
	var texts []string
	for at := range 20 {
		texts = append(texts, fmt.Sprint(at))
	}
	if err := b.publish(ctx, "", texts...); err != nil {
		return nil, err
	}
	var deliveries int
	var results []*pubsub.AckResult
	subscriber := b.client.Subscriber(b.subscriptionName(""))
	err := b.receive(ctx, subscriber, func(message *pubsub.Message) bool {
		deliveries++
		results = append(results, message.AckWithResult())
		return deliveries == 20
	})
	if err != nil {
		return nil, err
	}
	confirmed := 0
	for _, result := range results {
		answer, err := result.Get(ctx)
		if err != nil {
			return nil, err
		}
		if answer == pubsub.AcknowledgeStatusSuccess {
			confirmed++
		}
	}
	late, again, err := lateAck(ctx, b)
	return Facts{"confirmed": confirmed, "late": late, "again": again}, err
}

// What an ack says to the id of a delivery that was given back, and to the same good id twice.
func lateAck(ctx context.Context, b *Bench) (late string, again string, err error) {
	if err = b.publish(ctx, "", "late"); err != nil {
		return
	}
	first, err := b.pull(ctx, "")
	if err != nil {
		return
	}
	giveBack := &pb.ModifyAckDeadlineRequest{
		Subscription: b.subscriptionName(""), AckIds: []string{first.AckId},
	}
	if err = b.client.SubscriptionAdminClient.ModifyAckDeadline(ctx, giveBack); err != nil {
		return
	}
	second, err := b.pull(ctx, "")
	if err != nil {
		return
	}
	late = errorInfo(b.acknowledge(ctx, "", first.AckId), first.AckId)
	if err = b.acknowledge(ctx, "", second.AckId); err != nil {
		return
	}
	again = statusName(b.acknowledge(ctx, "", second.AckId))
	return
}

func deadLetter(ctx context.Context, b *Bench) (Facts, error) {
	if err := b.create(ctx, "-grave", &pb.Subscription{}); err != nil {
		return nil, err
	}
	policy := &pb.DeadLetterPolicy{DeadLetterTopic: b.topicName("-grave"), MaxDeliveryAttempts: 5}
	if err := b.create(ctx, "", &pb.Subscription{DeadLetterPolicy: policy}); err != nil {
		return nil, err
	}
	if err := b.publish(ctx, "", "poison"); err != nil {
		return nil, err
	}
	var attempts []int
	subscriber := b.client.Subscriber(b.subscriptionName(""))
	err := b.receive(ctx, subscriber, func(message *pubsub.Message) bool {
		attempts = append(attempts, *message.DeliveryAttempt)
		message.Nack()
		return len(attempts) == 5
	})
	if err != nil {
		return nil, err
	}
	buried, err := b.pull(ctx, "-grave")
	if err != nil {
		return nil, err
	}
	attributes := buried.Message.Attributes
	return Facts{
		"attempts":     attempts,
		"text":         string(buried.Message.Data),
		"count":        attributes["CloudPubSubDeadLetterSourceDeliveryCount"],
		"subscription": attributes["CloudPubSubDeadLetterSourceSubscription"],
	}, nil
}

func filter(ctx context.Context, b *Bench) (Facts, error) {
	wanted := `attributes.kind = "wanted" AND NOT attributes:muted`
	if err := b.create(ctx, "", &pb.Subscription{Filter: wanted}); err != nil {
		return nil, err
	}
	publisher := b.client.Publisher(b.topicName(""))
	defer publisher.Stop()
	for text, attributes := range map[string]map[string]string{
		"first": {"kind": "wanted"}, "other": {"kind": "other"}, "bare": {"color": "red"},
		"muted": {"kind": "wanted", "muted": ""}, "second": {"kind": "wanted", "color": "blue"},
	} {
		message := &pubsub.Message{Data: []byte(text), Attributes: attributes}
		if _, err := publisher.Publish(ctx, message).Get(ctx); err != nil {
			return nil, err
		}
	}
	texts, err := b.take(ctx, "", 2)
	slices.Sort(texts)
	return Facts{"received": texts}, err
}

func snapshot(ctx context.Context, b *Bench) (Facts, error) {
	if err := b.create(ctx, "", &pb.Subscription{}); err != nil {
		return nil, err
	}
	if err := b.publish(ctx, "", "1", "2", "3"); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("projects/%s/snapshots/before", b.project)
	create := &pb.CreateSnapshotRequest{Name: name, Subscription: b.subscriptionName("")}
	if _, err := b.client.SubscriptionAdminClient.CreateSnapshot(ctx, create); err != nil {
		return nil, err
	}
	first, err := b.take(ctx, "", 3)
	if err != nil {
		return nil, err
	}
	seek := &pb.SeekRequest{
		Subscription: b.subscriptionName(""), Target: &pb.SeekRequest_Snapshot{Snapshot: name},
	}
	if _, err := b.client.SubscriptionAdminClient.Seek(ctx, seek); err != nil {
		return nil, err
	}
	second, err := b.take(ctx, "", 3)
	slices.Sort(first)
	slices.Sort(second)
	return Facts{"first": first, "replayed": second}, err
}

func (b *Bench) seekTo(ctx context.Context, at time.Time) error {
	target := &pb.SeekRequest_Time{Time: timestamppb.New(at)}
	request := &pb.SeekRequest{Subscription: b.subscriptionName(""), Target: target}
	_, err := b.client.SubscriptionAdminClient.Seek(ctx, request)
	return err
}

// Back to the publish time of the first message, then over everything into the year 3000.
func seek(ctx context.Context, b *Bench) (Facts, error) {
	if err := b.create(ctx, "", &pb.Subscription{RetainAckedMessages: true}); err != nil {
		return nil, err
	}
	if err := b.publish(ctx, "", "1", "2", "3"); err != nil {
		return nil, err
	}
	subscriber := b.client.Subscriber(b.subscriptionName(""))
	var earliest time.Time
	var came int
	err := b.receive(ctx, subscriber, func(message *pubsub.Message) bool {
		if earliest.IsZero() || message.PublishTime.Before(earliest) {
			earliest = message.PublishTime
		}
		came++
		message.Ack()
		return came == 3
	})
	if err != nil {
		return nil, err
	}
	if err := b.seekTo(ctx, earliest); err != nil {
		return nil, err
	}
	replayed, err := b.take(ctx, "", 3)
	if err != nil {
		return nil, err
	}
	slices.Sort(replayed)
	if err := b.publish(ctx, "", "purged"); err != nil {
		return nil, err
	}
	if err := b.seekTo(ctx, time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		return nil, err
	}
	if err := b.publish(ctx, "", "after"); err != nil {
		return nil, err
	}
	after, err := b.take(ctx, "", 1)
	return Facts{"replayed": replayed, "afterPurge": after}, err
}

func detach(ctx context.Context, b *Bench) (Facts, error) {
	if err := b.create(ctx, "", &pb.Subscription{}); err != nil {
		return nil, err
	}
	request := &pb.DetachSubscriptionRequest{Subscription: b.subscriptionName("")}
	if _, err := b.client.TopicAdminClient.DetachSubscription(ctx, request); err != nil {
		return nil, err
	}
	get := &pb.GetSubscriptionRequest{Subscription: b.subscriptionName("")}
	found, err := b.client.SubscriptionAdminClient.GetSubscription(ctx, get)
	if err != nil {
		return nil, err
	}
	_, refusal := b.pull(ctx, "")
	stream := b.client.Subscriber(b.subscriptionName(""))
	streamEnd := stream.Receive(ctx, func(_ context.Context, message *pubsub.Message) {
		message.Nack()
	})
	return Facts{
		"detached": found.Detached, "pull": statusName(refusal), "stream": statusName(streamEnd),
	}, nil
}
