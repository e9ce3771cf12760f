package main

import (
	"context"
	"errors"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/status"
)

// Bench is what a scenario works on: resources that bear its own name.
type Bench struct {
	client  *pubsub.Client
	project string
	name    string
}

func (b *Bench) topicName(suffix string) string {
	return fmt.Sprintf("projects/%s/topics/%s%s", b.project, b.name, suffix)
}

func (b *Bench) subscriptionName(suffix string) string {
	return fmt.Sprintf("projects/%s/subscriptions/%s%s", b.project, b.name, suffix)
}

// create makes a topic and a subscription to it with the fields of `more`.
func (b *Bench) create(ctx context.Context, suffix string, more *pb.Subscription) error {
	topic := b.topicName(suffix)
	if _, err := b.client.TopicAdminClient.CreateTopic(ctx, &pb.Topic{Name: topic}); err != nil {
		return err
	}
	more.Name, more.Topic = b.subscriptionName(suffix), topic
	_, err := b.client.SubscriptionAdminClient.CreateSubscription(ctx, more)
	return err
}

// publish sends texts one after the other, each once the one before was answered.
func (b *Bench) publish(ctx context.Context, suffix string, texts ...string) error {
	publisher := b.client.Publisher(b.topicName(suffix))
	defer publisher.Stop()
	for _, text := range texts {
		message := &pubsub.Message{Data: []byte(text)}
		if _, err := publisher.Publish(ctx, message).Get(ctx); err != nil {
			return err
		}
	}
	return nil
}

// receive hands messages over, one at a time, until `handle` says that it has what it wants.
func (b *Bench) receive(
	ctx context.Context, subscriber *pubsub.Subscriber, handle func(*pubsub.Message) bool,
) error {
	within, stop := context.WithCancel(ctx)
	defer stop()
	inbox := make(chan *pubsub.Message)
	ended := make(chan error, 1)
	go func() {
		ended <- subscriber.Receive(within, func(_ context.Context, message *pubsub.Message) {
			select {
			case inbox <- message:
			case <-within.Done():
				message.Nack()
			}
		})
	}()
	for {
		select {
		case message := <-inbox:
			if handle(message) {
				stop()
				return <-ended
			}
		case err := <-ended:
			return fmt.Errorf("receiving ended: %w", err)
		}
	}
}

// take acknowledges so many messages; their texts as they came.
func (b *Bench) take(ctx context.Context, suffix string, count int) ([]string, error) {
	var texts []string
	subscriber := b.client.Subscriber(b.subscriptionName(suffix))
	err := b.receive(ctx, subscriber, func(message *pubsub.Message) bool {
		texts = append(texts, string(message.Data))
		message.Ack()
		return len(texts) == count
	})
	return texts, err
}

// pull waits for one message by a unary call.
func (b *Bench) pull(ctx context.Context, suffix string) (*pb.ReceivedMessage, error) {
	request := &pb.PullRequest{Subscription: b.subscriptionName(suffix), MaxMessages: 1}
	for {
		answer, err := b.client.SubscriptionAdminClient.Pull(ctx, request)
		if err != nil {
			return nil, err
		}
		if len(answer.ReceivedMessages) > 0 {
			return answer.ReceivedMessages[0], nil
		}
	}
}

func (b *Bench) acknowledge(ctx context.Context, suffix string, ackID string) error {
	request := &pb.AcknowledgeRequest{
		Subscription: b.subscriptionName(suffix), AckIds: []string{ackID},
	}
	return b.client.SubscriptionAdminClient.Acknowledge(ctx, request)
}

// statusName is the code of a refusal by name, OK if there was none.
func statusName(err error) string {
	return code.Code(status.Code(err)).String()
}

// errorInfo is what ErrorInfo says of an ack id.
func errorInfo(err error, ackID string) string {
	var refusal *apierror.APIError
	if errors.As(err, &refusal) {
		return refusal.Metadata()[ackID]
	}
	return ""
}
