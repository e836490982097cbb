// Reads a Containerfile as BuildKit does, with the rules by which it looks at instructions. No registry is
// asked, so the images that it is made from are taken for what they are called.
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: containerfile-lint FILE")
	}
	if os.Args[1] == "--version" {
		fmt.Println("containerfile-lint")
		return
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	file, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		fail(err)
	}
	complaints := len(file.Warnings)
	for _, warning := range file.Warnings {
		fmt.Fprintln(os.Stderr, warning.Short)
	}
	rules := linter.New(&linter.Config{
		Warn: func(rule, _, url, message string, location []parser.Range) {
			complaints++
			fmt.Fprintf(os.Stderr, "line %d: %s: %s (%s)\n", location[0].Start.Line, rule, message, url)
		},
	})
	if _, _, err := instructions.Parse(file.AST, rules); err != nil {
		fail(err)
	}
	if complaints > 0 {
		os.Exit(1)
	}
}

func fail(what any) {
	fmt.Fprintln(os.Stderr, what)
	os.Exit(1)
}
