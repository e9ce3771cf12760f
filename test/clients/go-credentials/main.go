// Publishes to the topic "orders" and receives from "orders-sub", as the account of
// GOOGLE_APPLICATION_CREDENTIALS, at ENDPOINT, whose certificate SSL_CERT_FILE vouches for.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc/status"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	endpoint := option.WithEndpoint(os.Getenv("ENDPOINT"))
	client, err := pubsub.NewClient(ctx, os.Getenv("GOOGLE_CLOUD_PROJECT"), endpoint)
	if err != nil {
		panic(err)
	}
	defer client.Close()
	message := &pubsub.Message{Data: []byte("from Go")}
	if _, err := client.Publisher("orders").Publish(ctx, message).Get(ctx); err != nil {
		fmt.Println("refused", int(status.Code(err)))
		return
	}
	within, stop := context.WithCancel(ctx)
	err = client.Subscriber("orders-sub").Receive(within, func(_ context.Context, got *pubsub.Message) {
		got.Ack()
		fmt.Println(string(got.Data))
		stop()
	})
	if err != nil {
		fmt.Println("refused", int(status.Code(err)))
	}
}
