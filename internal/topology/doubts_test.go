package topology_test

import (
	"slices"
	"testing"

	"rollout/internal/topology"
	"rollout/internal/value"
)

func TestDoubts(t *testing.T) {
	const file = `app: board
vars: {apps_count: 3}
defaults: {image: i, flavor: f}
networks: {n: {cidr: 10.0.0.0/24}}
tiers:
  app: {networks: [n], count: 2}
  web-front: {networks: [n]}
`
	for _, c := range []struct {
		name  string
		extra *value.Map
		want  []string
	}{
		{"a tier's", value.NewMap("app_count", 5, "web_front_count", 2), nil},
		{"mistyped", value.NewMap("ap_count", 5), []string{`-e ap_count changes no tier's count: did you mean "app_count"?`}},
		{"with a dash's other spelling", value.NewMap("webfront_count", 5), []string{`-e webfront_count changes no tier's count: did you mean "web_front_count"?`}},
		{"nothing close", value.NewMap("retry_count", 5), nil},
		{"the topology's own variable", value.NewMap("apps_count", 5), nil},
		{"no count", value.NewMap("ap", 5), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			top, err := topology.Parse("topology.yml", []byte(file), topology.Options{Owner: "x", Extra: c.extra,
				Render: func(text string, _ *value.Map) (any, error) { return text, nil }})
			if err != nil {
				t.Fatal(err)
			}
			if got := top.Doubts(c.extra); !slices.Equal(got, c.want) {
				t.Errorf("doubts %q, not %q", got, c.want)
			}
		})
	}
}
