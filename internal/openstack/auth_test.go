package openstack

import (
	"strings"
	"testing"

	"github.com/gophercloud/gophercloud/v2"

	"rollout/internal/openstack/clouds"
)

func nothingSet(string) string { return "" }

func TestAuthOptions(t *testing.T) {
	base := func(more ...string) map[string]string {
		m := map[string]string{"auth_url": "http://c/v3"}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	for name, tc := range map[string]struct {
		auth map[string]string
		typ  string
		want func(o *gophercloud.AuthOptions) bool
		says string
	}{
		"password in the default domain": {auth: base("username", "u", "password", "hush", "project_name", "p"),
			want: func(o *gophercloud.AuthOptions) bool {
				return o.Username == "u" && o.DomainID == "default" && o.Scope.ProjectName == "p" && o.Scope.DomainID == "default" && o.AllowReauth
			}},
		"domains by name": {auth: base("username", "u", "password", "hush", "project_name", "p", "user_domain_name", "D", "project_domain_name", "E"),
			want: func(o *gophercloud.AuthOptions) bool {
				return o.DomainName == "D" && o.DomainID == "" && o.Scope.DomainName == "E" && o.Scope.DomainID == ""
			}},
		"another default": {auth: base("username", "u", "password", "hush", "project_name", "p", "default_domain", "d7"),
			want: func(o *gophercloud.AuthOptions) bool { return o.DomainID == "d7" && o.Scope.DomainID == "d7" }},
		"a default by name": {auth: base("username", "u", "password", "hush", "project_name", "p", "default_domain_name", "D7"),
			want: func(o *gophercloud.AuthOptions) bool { return o.DomainName == "D7" && o.Scope.DomainName == "D7" }},
		"user by id": {auth: base("user_id", "7", "password", "hush", "project_id", "8"), typ: "v3password",
			want: func(o *gophercloud.AuthOptions) bool {
				return o.UserID == "7" && o.Username == "" && o.Scope.ProjectID == "8"
			}},
		"v2's name of it": {auth: base("username", "u", "password", "hush", "tenant_name", "p"), typ: "v2password",
			want: func(o *gophercloud.AuthOptions) bool { return o.Scope.ProjectName == "p" }},
		"trust": {auth: base("username", "u", "password", "hush", "trust_id", "t", "project_name", "p"),
			want: func(o *gophercloud.AuthOptions) bool { return o.Scope.TrustID == "t" && o.Scope.ProjectName == "" }},
		"token": {auth: base("token", "hush"), typ: "v3token",
			want: func(o *gophercloud.AuthOptions) bool {
				return o.TokenID == "hush" && o.Scope == nil && !o.AllowReauth
			}},
		"token, unsaid": {auth: base("token", "hush", "project_name", "p"),
			want: func(o *gophercloud.AuthOptions) bool { return o.TokenID == "hush" && o.Scope.ProjectName == "p" }},
		"application credential by name": {auth: base("application_credential_name", "n", "application_credential_secret", "hush", "username", "u", "user_domain_id", "d"),
			typ: "v3applicationcredential",
			want: func(o *gophercloud.AuthOptions) bool {
				return o.ApplicationCredentialName == "n" && o.Username == "u" && o.DomainID == "d" && o.Scope == nil
			}},
		"application credential, unsaid": {auth: base("application_credential_id", "i", "application_credential_secret", "hush"),
			want: func(o *gophercloud.AuthOptions) bool {
				return o.ApplicationCredentialID == "i" && o.ApplicationCredentialSecret == "hush"
			}},
		"a name without its user":  {auth: base("application_credential_name", "n", "application_credential_secret", "hush"), says: "username or user_id is missing"},
		"without its secret":       {auth: base("application_credential_id", "n"), says: "application_credential_secret is missing; given are: application_credential_id, auth_url"},
		"system scope":             {auth: base("username", "u", "password", "hush", "system_scope", "all"), says: "set project_name in its place"},
		"a domain and no project":  {auth: base("username", "u", "password", "hush", "domain_name", "D"), says: `it names the domain "D" and no project`},
		"password without a user":  {auth: base("password", "hush"), says: "username is missing; given are: auth_url, password"},
		"token without the token":  {auth: base("password", "hush"), typ: "token", says: "token is missing"},
		"a way that is not known":  {auth: base("password", "hush"), typ: "v3oidcpassword", says: `auth_type "v3oidcpassword" is not known here`},
		"none at all":              {auth: base(), says: "password is missing; given are: auth_url"},
		"a domain beside the user": {auth: base("username", "u", "password", "hush", "domain_id", "d", "project_id", "8"), want: func(o *gophercloud.AuthOptions) bool { return o.DomainID == "d" }},
	} {
		t.Run(name, func(t *testing.T) {
			cred, err := clouds.Config{Auth: tc.auth, AuthType: tc.typ, Getenv: nothingSet}.Credentials(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			opts, err := login{cred}.authOptions()
			switch {
			case tc.says == "" && err != nil:
				t.Error(err)
			case tc.says == "" && !tc.want(opts):
				t.Errorf("%+v, scope %+v", opts, opts.Scope)
			case tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "hush")):
				t.Errorf("%v", err)
			}
		})
	}
}
