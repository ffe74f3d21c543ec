package cloud

import (
	"errors"
	"fmt"

	"rollout/internal/openstack/clouds"
	"rollout/internal/value"
)

// sessionConfig says which cloud a task means: the entry of clouds.yaml that
// `cloud` names, or is; with what `auth` and the other arguments say above it.
func sessionConfig(args *value.Map) (clouds.Config, error) {
	cfg := clouds.Config{
		AuthType: args.String("auth_type"), Region: args.String("region_name"), Interface: args.String("interface"),
		CACert: args.String("ca_cert"), Cert: args.String("client_cert"), Key: args.String("client_key"),
		Timeout: seconds(args, "api_timeout"),
	}
	switch c := args.At("cloud").(type) {
	case nil:
	case string:
		cfg.Cloud = c
	case *value.Map:
		cfg.Entry = c
	default:
		return cfg, errors.New("argument \"cloud\" must be the name of a cloud, or a dict as in clouds.yaml")
	}
	for k, v := range args.Map("auth").All() {
		switch v.(type) {
		case nil: // as if it were not there
		case []any, *value.Map:
			return cfg, fmt.Errorf("argument \"auth\": %v must be a text", k)
		default:
			if cfg.Auth == nil {
				cfg.Auth = map[string]string{}
			}
			cfg.Auth[fmt.Sprint(k)] = fmt.Sprint(v)
		}
	}
	if v, ok := args.At("validate_certs").(bool); ok {
		cfg.Verify = &v
	}
	return cfg, nil
}
