package embedded_test

import (
	"context"
	"fmt"
	"os"

	"holdfast/store/embedded"
)

func ExampleStart() {
	dir, err := os.MkdirTemp("", "holdfast-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	servers, err := embedded.Start(context.Background(), embedded.Options{DataDir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(servers.AdminURL != "", servers.RedisURL != "")
	fmt.Println(servers.Close(), embedded.Remove(dir))
	// Output:
	// true true
	// <nil> <nil>
}
