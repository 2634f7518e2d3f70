// Renders a chart as `helm template` does: the same template language and functions, the values of values.yaml with others laid over them. In: the chart's directory, release,
// namespace, and values as JSON. Out: the objects on standard output, by file name. Only what the chart here needs of Helm is here: no dependencies, hooks or lookups.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 5 {
		fail(fmt.Errorf("usage: render CHART RELEASE NAMESPACE VALUES"))
	}
	chart, release, namespace := os.Args[1], os.Args[2], os.Args[3]
	var meta struct {
		AppVersion string `json:"appVersion"`
		Name       string `json:"name"`
		Version    string `json:"version"`
	}
	read(filepath.Join(chart, "Chart.yaml"), &meta)
	values, over := map[string]any{}, map[string]any{}
	read(filepath.Join(chart, "values.yaml"), &values)
	check(json.Unmarshal([]byte(os.Args[4]), &over))
	merge(values, over)

	all := template.New("chart").Option("missingkey=error")
	functions := sprig.TxtFuncMap()
	functions["toYaml"] = func(value any) string {
		text, err := yaml.Marshal(value)
		check(err)
		return strings.TrimSuffix(string(text), "\n")
	}
	functions["include"] = func(name string, data any) (string, error) {
		var text bytes.Buffer
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	all.Funcs(functions)
	files, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	check(err)
	sort.Strings(files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(err)
		_, err = all.New(filepath.Base(file)).Parse(string(text))
		check(err)
	}
	data := map[string]any{
		"Values":  values,
		"Chart":   map[string]any{"Name": meta.Name, "Version": meta.Version, "AppVersion": meta.AppVersion},
		"Release": map[string]any{"Name": release, "Namespace": namespace, "Service": "Helm"},
	}
	for _, file := range files {
		if !strings.HasSuffix(file, ".yaml") {
			continue
		}
		var text bytes.Buffer
		check(all.ExecuteTemplate(&text, filepath.Base(file), data))
		if content := strings.TrimSpace(text.String()); content != "" {
			fmt.Printf("---\n%s\n", content)
		}
	}
}

func merge(into, over map[string]any) {
	for key, value := range over {
		inner, isMap := value.(map[string]any)
		if old, wasMap := into[key].(map[string]any); isMap && wasMap {
			merge(old, inner)
		} else {
			into[key] = value
		}
	}
}

func read(file string, into any) {
	text, err := os.ReadFile(file)
	check(err)
	check(yaml.Unmarshal(text, into))
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
