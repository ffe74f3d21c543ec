package connection

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/kevinburke/ssh_config"

	"rollout/internal/document"
	"rollout/internal/value"
)

// option is one "-o Key=Value" of ssh.
type option struct{ key, value string }

// understood are the options that say how a host is reached. satisfied are
// those that hold anyway, whatever they say: one connection is shared and kept
// alive, nobody is asked, nothing is forwarded to the host.
var (
	understood = []string{"HostName", "User", "Port", "IdentityFile", "IdentitiesOnly", "ProxyJump", "UserKnownHostsFile",
		"GlobalKnownHostsFile", "StrictHostKeyChecking", "ConnectTimeout"}
	satisfied = []string{"ControlMaster", "ControlPersist", "ControlPath", "LogLevel", "BatchMode", "ServerAliveInterval",
		"ServerAliveCountMax", "TCPKeepAlive", "Compression", "GSSAPIAuthentication", "ForwardAgent", "ForwardX11",
		"RequestTTY", "CheckHostIP", "HashKnownHosts", "UpdateHostKeys", "VisualHostKey", "ConnectionAttempts",
		"PreferredAuthentications", "PasswordAuthentication", "KbdInteractiveAuthentication", "PubkeyAuthentication"}
)

// sshOptions reads the arguments for ssh that an inventory gives.
func sshOptions(vars *value.Map) ([]option, error) {
	var out []option
	for _, name := range []string{"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"} {
		words, err := splitWords(text(vars, name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		opts, err := parseSSHArgs(words)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, opts...)
	}
	return out, nil
}

// flagOptions are ssh's flags with an argument that are short for an option.
var flagOptions = map[byte]string{'i': "IdentityFile", 'l': "User", 'p': "Port", 'J': "ProxyJump", 'F': configFileOption}

// configFileOption stands for -F, which ssh has no -o name for.
const configFileOption = "(config file)"

func parseSSHArgs(words []string) ([]option, error) {
	var out []option
	for i := 0; i < len(words); i++ {
		w := words[i]
		if len(w) < 2 || w[0] != '-' {
			return nil, fmt.Errorf("%q is not an option of ssh", w)
		}
		if strings.Trim(w[1:], "CTqvAaxX4") == "" {
			continue // flags without a bearing on how the host is reached
		}
		arg := w[2:]
		if arg == "" {
			i++
			if i == len(words) {
				return nil, fmt.Errorf("%s lacks its value", w)
			}
			arg = words[i]
		}
		opt, err := oneOption(w[1], arg)
		if err != nil {
			return nil, err
		}
		if opt.key != "" {
			out = append(out, opt)
		}
	}
	return out, nil
}

func oneOption(flag byte, arg string) (option, error) {
	if key, ok := flagOptions[flag]; ok {
		return option{key, arg}, nil
	}
	if flag != 'o' {
		return option{}, fmt.Errorf("the ssh flag -%c is not supported", flag)
	}
	key, val, ok := strings.Cut(arg, "=")
	if !ok {
		key, val, _ = strings.Cut(arg, " ")
	}
	key = strings.TrimSpace(key)
	for _, k := range understood {
		if strings.EqualFold(k, key) {
			return option{k, strings.Trim(strings.TrimSpace(val), `"`)}, nil
		}
	}
	for _, k := range satisfied {
		if strings.EqualFold(k, key) {
			return option{}, nil
		}
	}
	known := append([]string{}, understood...)
	sort.Strings(known)
	hint := document.Suggest(key, known)
	return option{}, fmt.Errorf("the ssh option %s is not supported; %s these are: %s", key, hint, strings.Join(known, ", "))
}

// splitWords splits as a shell does, for quotes and backslashes only.
func splitWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	in, escaped := false, false
	for _, r := range s {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			in, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			in, quote = true, r
		case r == ' ' || r == '\t' || r == '\n':
			if in {
				words = append(words, word.String())
				word.Reset()
			}
			in = false
		default:
			in = true
			word.WriteRune(r)
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("a quote is not closed in %q", s)
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}

// settings looks options up: those given, then ssh_config files.
type settings struct {
	alias   string // the name the files' Host patterns are held against
	home    string
	options []option
	files   []*ssh_config.Config
}

func newSettings(options []option) (*settings, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/" // a service without a home has no ~/.ssh either
	}
	s := &settings{home: home, options: options}
	paths := []string{filepath.Join(home, ".ssh", "config"), "/etc/ssh/ssh_config"}
	for _, o := range options {
		if o.key == configFileOption {
			paths = []string{s.path(o.value, nil)}
		}
	}
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			continue // a file that is not there says nothing
		}
		cfg, err := ssh_config.Decode(f)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", p, err)
		}
		s.files = append(s.files, cfg)
	}
	return s, nil
}

func (s *settings) get(key string) string {
	if all := s.all(key); len(all) > 0 {
		return all[0]
	}
	return ""
}

// all returns an option's values, the ones that win first.
func (s *settings) all(key string) []string {
	var out []string
	for _, o := range s.options {
		if o.key == key {
			out = append(out, o.value)
		}
	}
	for _, f := range s.files {
		vals, err := f.GetAll(s.alias, key)
		if err != nil {
			continue // a conditional include that cannot be evaluated says nothing
		}
		for _, v := range vals {
			out = append(out, strings.Trim(v, `"`))
		}
	}
	return out
}

// path expands ~ and the tokens of ssh_config(5) that files are named by.
func (s *settings) path(p string, cfg *SSHConfig) string {
	if p == "~" || strings.HasPrefix(p, "~/") {
		p = filepath.Join(s.home, p[1:])
	}
	if cfg == nil || !strings.Contains(p, "%") {
		return p
	}
	return strings.NewReplacer("%%", "%", "%d", s.home, "%h", cfg.Address, "%n", s.alias,
		"%p", strconv.Itoa(cfg.Port), "%r", cfg.User, "%u", currentUser()).Replace(p)
}
