// Command admit asks github.com/containers/image whether a policy lets an image run. podman, skopeo, buildah, CRI-O
// and bootc ask the same function before they pull; Debian compiles the kind of signature in question out of them.
//
// usage: admit POLICY.json REGISTRIES.D IMAGE; exit 0 when it may run, 1 with the reason when it may not, 2 for the rest.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/containers/image/v5/docker"
	"github.com/containers/image/v5/image"
	"github.com/containers/image/v5/signature"
	"github.com/containers/image/v5/types"
)

func main() {
	if len(os.Args) != 4 {
		stop(2, "usage: admit POLICY.json REGISTRIES.D IMAGE")
	}
	ctx := context.Background()
	system := &types.SystemContext{
		RegistriesDirPath:           os.Args[2],
		DockerInsecureSkipTLSVerify: types.OptionalBoolTrue,
	}
	policy, err := signature.NewPolicyFromFile(os.Args[1])
	if err != nil {
		stop(2, err)
	}
	question, err := signature.NewPolicyContext(policy)
	if err != nil {
		stop(2, err)
	}
	reference, err := docker.ParseReference("//" + os.Args[3])
	if err != nil {
		stop(2, err)
	}
	source, err := reference.NewImageSource(ctx, system)
	if err != nil {
		stop(2, err)
	}
	if allowed, err := question.IsRunningImageAllowed(ctx, image.UnparsedInstance(source, nil)); !allowed {
		stop(1, err)
	}
	fmt.Println("allowed")
}

func stop(code int, why any) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(code)
}
