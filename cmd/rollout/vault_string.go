package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollout/internal/vault"
)

// stringJob is one call of encrypt_string.
type stringJob struct {
	vaultJob
	prompt    bool
	showInput bool
	names     []string
	stdinName string
}

// plainText is one text to encrypt.
type plainText struct {
	text string
	from string
	name string
}

func vaultEncryptString() *cobra.Command {
	j := &stringJob{}
	cmd := &cobra.Command{Use: "encrypt_string [TEXT...]", Short: "Encrypt values, to be put into YAML files",
		Long: "Encrypts each TEXT (- or none is standard input) and prints it as a value for a YAML file."}
	flags := cmd.Flags()
	j.register(flags)
	j.registerOutput(flags)
	j.registerEncrypt(flags)
	flags.BoolVarP(&j.prompt, "prompt", "p", false, "ask for the text")
	flags.BoolVar(&j.showInput, "show-input", false, "show the text while it is typed")
	flags.StringArrayVarP(&j.names, "name", "n", nil, "the variable's `NAME` (repeatable: one for each text)")
	flags.StringVar(&j.stdinName, "stdin-name", "", "the `NAME` of the variable that standard input is for")
	cmd.RunE = j.action(j.run)
	return cmd
}

func (j *stringJob) run(ctx context.Context, args []string) error {
	fromStdin := len(args) == 0 && !j.prompt || slices.Contains(args, "-") || j.stdinName != ""
	if j.prompt && fromStdin {
		return wrongOptions("The --prompt option is not supported if also reading input from stdin")
	}
	if j.output != "" && len(args) > 1 {
		return wrongOptions("At most one input file may be used with the --output option")
	}
	secret, err := j.encryption(ctx)
	if err != nil {
		return err
	}
	texts, err := j.texts(ctx, args, fromStdin)
	if err != nil {
		return err
	}
	values := make([]string, len(texts))
	for i, t := range texts {
		if t.text == "" {
			return wrongOptions("The plaintext provided from %s was empty, not encrypting", t.from)
		}
		envelope, err := secret.Encrypt([]byte(t.text), secret.ID, nil)
		if err != nil {
			return fmt.Errorf("cannot encrypt the text: %w", err)
		}
		values[i] = yamlValue(t.name, string(envelope))
		if len(texts) > 1 {
			fmt.Fprintln(os.Stderr, t.heading(i+1))
		}
	}
	if err := j.write("-", []byte(strings.Join(values, "\n")+"\n"), vault.Replacement{}); err != nil {
		return err
	}
	succeeded("Encryption successful")
	return nil
}

// heading tells several values apart.
func (t plainText) heading(number int) string {
	if t.name != "" {
		return fmt.Sprintf("# The encrypted version of variable (%q, the string #%d from %s).", t.name, number, t.from)
	}
	return fmt.Sprintf("# The encrypted version of the string #%d from %s.)", number, t.from)
}

// yamlValue is an envelope as a value of a YAML file.
func yamlValue(name, envelope string) string {
	if name != "" {
		name += ": "
	}
	lines := []string{name + "!vault |"}
	for line := range strings.Lines(envelope) {
		lines = append(lines, "          "+strings.TrimRight(line, "\n"))
	}
	return strings.Join(lines, "\n")
}

// texts gathers what to encrypt: what is asked for, standard input, arguments.
func (j *stringJob) texts(ctx context.Context, args []string, fromStdin bool) ([]plainText, error) {
	var out []plainText
	if j.prompt {
		t, err := j.ask(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	if fromStdin {
		if term.IsTerminal(int(os.Stdin.Fd())) {
			fmt.Fprintln(os.Stderr, "Reading plaintext input from stdin. (ctrl-d to end input, twice if your content does not already have a newline)")
		}
		data, err := io.ReadAll(os.Stdin)
		if err != nil {
			return nil, fmt.Errorf("cannot read standard input: %w", err)
		}
		out = append(out, plainText{text: string(data), from: "stdin", name: j.stdinName})
	}
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "-" })
	if len(j.names) > 0 && len(args) > len(j.names) {
		fmt.Fprintf(os.Stderr, "The number of --name options do not match the number of args.\n"+
			"The last named variable will be %q. The rest will not have names.\n", j.names[len(j.names)-1])
	}
	for i, arg := range args {
		t := plainText{text: arg, from: "the command line args"}
		if i < len(j.names) {
			t.name = j.names[i]
		}
		out = append(out, t)
	}
	return out, nil
}

// ask asks for a variable's name and text.
func (j *stringJob) ask(ctx context.Context) (plainText, error) {
	t := plainText{from: "the interactive prompt"}
	var err error
	if t.name, err = (stdin{}).Ask(ctx, "Variable name (enter for no name): ", false); err != nil {
		return t, fmt.Errorf("cannot ask for the name: %w", err)
	}
	question := "String to encrypt (hidden): "
	if j.showInput {
		question = "String to encrypt:"
	}
	if t.text, err = (stdin{}).Ask(ctx, question, !j.showInput); err != nil {
		return t, fmt.Errorf("cannot ask for the text: %w", err)
	}
	return t, nil
}
