// Runs the scenarios of ../scenarios.ts with the official Go client, as a program of a user would:
// the broker is found by PUBSUB_EMULATOR_HOST alone.
//
// Prints one line of JSON per scenario: {"scenario": ..., "facts": {...}} or {..., "error": "..."}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
)

// Facts are what a scenario saw.
type Facts map[string]any

var scenarios = map[string]func(context.Context, *Bench) (Facts, error){
	"batching":     batching,
	"ordering":     ordering,
	"exactly-once": exactlyOnce,
	"dead-letter":  deadLetter,
	"filter":       filter,
	"snapshot":     snapshot,
	"seek":         seek,
	"detach":       detach,
	"flow-control": flowControl,
	"lease":        lease,
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	client, err := pubsub.NewClient(ctx, "go-client")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer client.Close()
	var all sync.WaitGroup
	var lines sync.Mutex
	for name, run := range scenarios {
		all.Go(func() {
			facts, err := run(ctx, &Bench{client: client, project: "go-client", name: name})
			line := map[string]any{"scenario": name, "facts": facts}
			if err != nil {
				line = map[string]any{"scenario": name, "error": err.Error()}
			}
			lines.Lock()
			defer lines.Unlock()
			_ = json.NewEncoder(os.Stdout).Encode(line)
		})
	}
	all.Wait()
}
