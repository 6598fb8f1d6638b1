// Writes what compose-go makes of each Compose file named as an argument: one line of JSON a file.
// Nothing of this process's environment is used, and the app's folder is written as /app.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/sirupsen/logrus"
)

type answer struct {
	File  string          `json:"file"`
	Model json.RawMessage `json:"model,omitempty"`
	Error string          `json:"error,omitempty"`
}

func load(file string) (json.RawMessage, error) {
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	options, err := cli.NewProjectOptions([]string{file}, cli.WithWorkingDirectory(folder), cli.WithName("app"),
		cli.WithEnvFiles(), cli.WithDotEnv, cli.WithResolvedPaths(true), cli.WithProfiles([]string{"*"}))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	model, err := project.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var compact any
	text := strings.ReplaceAll(string(model), folder, "/app")
	if err := json.Unmarshal([]byte(text), &compact); err != nil {
		return nil, err
	}
	return json.Marshal(compact)
}

func main() {
	logrus.SetLevel(logrus.ErrorLevel)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, file := range os.Args[1:] {
		model, err := load(file)
		line := answer{File: file, Model: model}
		if err != nil {
			line.Error = err.Error()
		}
		if err := out.Encode(line); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
