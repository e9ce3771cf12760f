package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Sixty messages through a window of five.
func flowControl(ctx context.Context, b *Bench) (Facts, error) {
	if err := b.create(ctx, "", &pb.Subscription{}); err != nil {
		return nil, err
	}
	var texts []string
	for at := range 60 {
		texts = append(texts, fmt.Sprint(at))
	}
	if err := b.publish(ctx, "", texts...); err != nil {
		return nil, err
	}
	subscriber := b.client.Subscriber(b.subscriptionName(""))
	subscriber.ReceiveSettings.MaxOutstandingMessages = 5
	var held, received atomic.Int64
	within, stop := context.WithCancel(ctx)
	defer stop()
	isBounded := true
	err := subscriber.Receive(within, func(_ context.Context, message *pubsub.Message) {
		if held.Add(1) > 5 {
			isBounded = false
		}
		held.Add(-1)
		message.Ack()
		if received.Add(1) == 60 {
			stop()
		}
	})
	return Facts{"received": received.Load(), "isBounded": isBounded}, err
}

// One message is held over more than two deadlines of its subscription.
func lease(ctx context.Context, b *Bench) (Facts, error) {
	if err := b.create(ctx, "", &pb.Subscription{AckDeadlineSeconds: 10}); err != nil {
		return nil, err
	}
	if err := b.publish(ctx, "", "held"); err != nil {
		return nil, err
	}
	within, stop := context.WithCancel(ctx)
	defer stop()
	var deliveries atomic.Int64
	err := b.client.Subscriber(b.subscriptionName("")).Receive(
		within, func(_ context.Context, message *pubsub.Message) {
			if deliveries.Add(1) == 1 {
				time.Sleep(25 * time.Second)
				message.Ack()
				stop()
				return
			}
			message.Nack()
		})
	if err != nil {
		return nil, err
	}
	request := &pb.PullRequest{
		Subscription: b.subscriptionName(""), MaxMessages: 1, ReturnImmediately: true,
	}
	left, err := b.client.SubscriptionAdminClient.Pull(ctx, request)
	return Facts{"deliveries": deliveries.Load(), "left": len(left.GetReceivedMessages())}, err
}
