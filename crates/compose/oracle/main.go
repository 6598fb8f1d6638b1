// Writes what compose-go makes of each Compose file named as an argument: one line of JSON a file.
// Nothing of this process's environment is used but HOME, and the app's folder is written as /app.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/sirupsen/logrus"
)

type answer struct {
	File  string          `json:"file"`
	Model json.RawMessage `json:"model,omitempty"`
	Error string          `json:"error,omitempty"`
}

var (
	base      = flag.String("base", "", "a Compose file that every other one is laid over")
	variables = flag.String("variables", "", "a file of variables")
)

func load(file string) (model json.RawMessage, err error) {
	// Some files that are wrong end the reference.
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	files := []string{file}
	if *base != "" {
		files = []string{*base, file}
	}
	override := filepath.Join(folder, "compose.override.yaml")
	if _, err := os.Stat(override); err == nil {
		files = append(files, override)
	}
	given := []string{}
	for _, path := range []string{*variables, filepath.Join(folder, "variables.env")} {
		if read, err := dotenv.Read(path); err == nil {
			for name, value := range read {
				given = append(given, name+"="+value)
			}
		}
	}
	options, err := cli.NewProjectOptions(files, cli.WithWorkingDirectory(folder), cli.WithName("app"), cli.WithEnv(given),
		cli.WithEnvFiles(), cli.WithDotEnv, cli.WithResolvedPaths(true), cli.WithProfiles([]string{"*"}))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	indented, err := project.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var compact any
	text := strings.ReplaceAll(string(indented), folder, "/app")
	if err := json.Unmarshal([]byte(text), &compact); err != nil {
		return nil, err
	}
	return json.Marshal(compact)
}

func main() {
	flag.Parse()
	logrus.SetLevel(logrus.ErrorLevel)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, file := range flag.Args() {
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
