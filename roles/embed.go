// Package roles embeds the roles that the shipped playbooks use; a project's
// own roles/ directory comes before them.
package roles

import "embed"

// Files holds every shipped role.
//
//go:embed */tasks */defaults
var Files embed.FS
