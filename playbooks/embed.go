// Package playbooks embeds the playbooks rollout ships; a project's own
// playbooks/ directory comes before them.
package playbooks

import "embed"

// Files holds every shipped playbook.
//
//go:embed *.yml
var Files embed.FS
