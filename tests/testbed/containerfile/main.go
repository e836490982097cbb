// Looks at a Containerfile with the rules of BuildKit, as `docker build --check` does. No registry is asked:
// of the images that it is made from nothing is known but their names.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/opencontainers/go-digest"
)

// Knows nothing of any image.
type unknown struct{}

func (unknown) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"architecture": "amd64", "os": "linux", "config": {}}`), nil
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	options := dockerfile2llb.ConvertOpt{MetaResolver: unknown{}, AllStages: true}
	results, err := dockerfile2llb.DockerfileLint(context.Background(), text, options)
	if err != nil {
		fail(err)
	}
	if len(results.Warnings) > 0 || results.Error != nil {
		results.PrintTo(os.Stderr, nil)
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
