module measure

go 1.26.0

require (
	github.com/gophercloud/gophercloud/v2 v2.15.0
	golang.org/x/sync v0.24.0
)

require gopkg.in/yaml.v2 v2.4.0 // indirect
