package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"rollout/internal/settings"
)

const settingsPage = "../../docs/settings.md"

// TestSettingsPage keeps the page's table as the program has it; with
// UPDATE_DOCS=1 it writes it.
func TestSettingsPage(t *testing.T) {
	data, err := os.ReadFile(settingsPage)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(data), "<!-- settings -->\n")
	_, tail, closed := strings.Cut(rest, "<!-- end of settings -->")
	if !found || !closed {
		t.Fatalf("%s has no place for the table", settingsPage)
	}
	current := head + "<!-- settings -->\n" + settingsTable() + "<!-- end of settings -->" + tail
	if current == string(data) {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Fatalf("the settings in %s are not what they were; run: UPDATE_DOCS=1 go test ./cmd/rollout -run TestSettingsPage", settingsPage)
	}
	if err := os.WriteFile(settingsPage, []byte(current), 0o644); err != nil {
		t.Fatal(err)
	}
}

func settingsTable() string {
	var b strings.Builder
	for _, topic := range settings.Topics() {
		fmt.Fprintf(&b, "### %s\n\n| in the file | in the environment | default | |\n|---|---|---|---|\n", topic.Title)
		for _, s := range topic.Settings {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", fileKeys(s.Keys), codes(s.Env), code(s.Default), meaning(s))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// fileKeys are keys with their sections, but for [defaults].
func fileKeys(keys []string) string {
	var out []string
	for _, key := range keys {
		section, name, _ := strings.Cut(key, ".")
		text := code(name)
		if section != "defaults" {
			text = "[" + section + "] " + text
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func codes(names []string) string {
	var out []string
	for _, name := range names {
		out = append(out, code(name))
	}
	return strings.Join(out, ", ")
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func meaning(s settings.Setting) string {
	text := s.Doc
	if len(s.Choices) > 0 && s.Use == settings.Used {
		text += ": " + codes(s.Choices)
	}
	return strings.ReplaceAll(text, "|", `\|`)
}
