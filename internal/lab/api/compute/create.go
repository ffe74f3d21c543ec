package compute

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// MaxUserData is how long user data may be in base64, in bytes.
const MaxUserData = 65535

// request is the body of POST /servers, as far as it means something here.
type request struct {
	Name             string              `json:"name"`
	ImageRef         string              `json:"imageRef"`
	FlavorRef        anyText             `json:"flavorRef"`
	Networks         json.RawMessage     `json:"networks"`
	Metadata         map[string]string   `json:"metadata"`
	KeyName          string              `json:"key_name"`
	SecurityGroups   []map[string]string `json:"security_groups"`
	AvailabilityZone string              `json:"availability_zone"`
	UserData         string              `json:"user_data"`
	ConfigDrive      anyBool             `json:"config_drive"`
	MinCount         anyInt              `json:"min_count"`
	MaxCount         anyInt              `json:"max_count"`
	AdminPass        string              `json:"adminPass"`
	Description      string              `json:"description"`
	Hostname         string              `json:"hostname"`
	Tags             []string            `json:"tags"`
	Blocks           []block             `json:"block_device_mapping_v2"`
	OldBlocks        []any               `json:"block_device_mapping"`
	AccessIPv4       string              `json:"accessIPv4"`
	AccessIPv6       string              `json:"accessIPv6"`
	Certificates     []string            `json:"trusted_image_certificates"`

	groupID string
}

// block is a disk of a server; the image on the server's own disk is all that can be had.
type block struct {
	Source      string `json:"source_type"`
	Destination string `json:"destination_type"`
	UUID        string `json:"uuid"`
}

// taken are the attributes of a new server that Nova knows; others are refused.
var taken = []string{"name", "imageRef", "flavorRef", "networks", "metadata", "key_name", "security_groups",
	"availability_zone", "user_data", "config_drive", "min_count", "max_count", "adminPass", "description", "hostname",
	"tags", "block_device_mapping_v2", "block_device_mapping", "OS-DCF:diskConfig", "accessIPv4", "accessIPv6",
	"trusted_image_certificates"}

// since which microversion an attribute is known, where not from the start.
var takenSince = map[string]int{"description": 19, "tags": 52, "trusted_image_certificates": 63, "hostname": 90}

func (s *Service) createServers(r *http.Request) (wire.Answer, error) {
	asked, err := readRequest(r)
	if err != nil {
		return wire.Answer{}, err
	}
	var created []*cloud.Server
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		created = nil
		if flavor := state.Flavors[string(asked.FlavorRef)]; flavor != nil {
			if err := state.RoomForServers(flavor, int(asked.MaxCount)); err != nil {
				return err
			}
		}
		for i := range max(asked.MaxCount, asked.MinCount) {
			server, err := s.newServer(r, state, asked, int(i))
			if err != nil {
				return err
			}
			created = append(created, server)
		}
		view = createdView(r, state, created[0], asked)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	for _, server := range created {
		s.hypervisor.Boot(server.ID)
	}
	return wire.Answer{Status: http.StatusAccepted, Body: wire.Object{"server": view},
		Header: http.Header{"Location": {wire.Root(r, "compute") + "/v2.1/servers/" + created[0].ID}}}, nil
}

// createdView is the short answer to a POST: the groups as they were named, and the password once.
func createdView(r *http.Request, _ *cloud.State, server *cloud.Server, asked request) wire.Object {
	groups := []wire.Object{}
	for _, name := range asked.groups() {
		groups = append(groups, wire.Object{"name": name})
	}
	return wire.Object{"id": server.ID, "links": links(r, "servers", server.ID), "OS-DCF:diskConfig": "MANUAL",
		"security_groups": groups, "adminPass": server.AdminPassword}
}

// groups are the names of the security groups asked for, "default" when none is.
func (q request) groups() []string {
	var names []string
	for _, group := range q.SecurityGroups {
		names = append(names, group["name"])
	}
	if len(names) == 0 {
		return []string{"default"}
	}
	return names
}

// readRequest decodes and checks the body as far as that needs no state.
func readRequest(r *http.Request) (request, error) {
	var asked request
	var body struct {
		Server    map[string]json.RawMessage
		Hints     hints `json:"os:scheduler_hints"`
		OtherName hints `json:"OS-SCH-HNT:scheduler_hints"`
	}
	if err := wire.Read(r, &body); err != nil {
		return asked, err
	}
	for _, name := range slices.Sorted(maps.Keys(body.Server)) {
		if !slices.Contains(taken, name) || !since(r, takenSince[name]) {
			return asked, badRequest("Invalid input for field/attribute server. Additional properties are not allowed ('%s' was unexpected)", name)
		}
	}
	text, err := json.Marshal(body.Server)
	if err != nil {
		return asked, err
	}
	asked.MinCount, asked.MaxCount = 1, 1
	if err := json.Unmarshal(text, &asked); err != nil {
		return asked, badRequest("Invalid input for field/attribute server. %s", err)
	}
	if _, there := body.Server["max_count"]; !there {
		asked.MaxCount = asked.MinCount
	}
	asked.groupID = body.Hints.Group + body.OtherName.Group
	return asked, asked.check(r)
}

type hints struct{ Group string }

var plainName = regexp.MustCompile(`\S`)

func (q request) check(r *http.Request) error {
	switch {
	case !plainName.MatchString(q.Name) || len(q.Name) > 255:
		return badRequest("Invalid input for field/attribute name. Value: %s. It must have 1 to 255 characters, not all of them blanks", q.Name)
	case q.FlavorRef == "":
		return badRequest("Invalid input for field/attribute server. 'flavorRef' is a required property")
	case q.Networks == nil && since(r, 37):
		return badRequest("Invalid input for field/attribute server. 'networks' is a required property")
	case q.MinCount < 1 || q.MinCount > q.MaxCount:
		return badRequest("min_count must be <= max_count")
	case q.MaxCount > 100:
		return wire.Errorf(http.StatusForbidden, "", "Quota exceeded for instances: Requested %d, but the practice cloud boots at most 100 at once", q.MaxCount)
	case len(q.UserData) > MaxUserData:
		return badRequest("Invalid input for field/attribute user_data. Value is too long: %d bytes in base64, at most %d", len(q.UserData), MaxUserData)
	case len(q.OldBlocks) > 0:
		return noVolumes()
	case q.AccessIPv4+q.AccessIPv6 != "" || len(q.Certificates) > 0:
		return badRequest("Invalid input for field/attribute server. The practice cloud has neither access addresses nor image certificates")
	}
	if _, err := base64.StdEncoding.DecodeString(q.UserData); err != nil {
		return badRequest("Invalid input for field/attribute user_data. It is not base64: %s", err)
	}
	for _, b := range q.Blocks {
		if b.Source != "image" || b.Destination != "local" {
			return noVolumes()
		}
	}
	if err := checkTags(q.Tags); err != nil {
		return err
	}
	return checkMetadata(q.Metadata)
}

func noVolumes() error {
	return badRequest("Block Device Mapping is Invalid: the practice cloud has no volumes; boot from an image with imageRef alone.")
}

func checkMetadata(metadata map[string]string) error {
	if len(metadata) > cloud.MetadataItems {
		return wire.Errorf(http.StatusForbidden, "", "Maximum number of metadata items exceeds %d", cloud.MetadataItems)
	}
	for name, value := range metadata {
		if name == "" || len(name) > 255 || len(value) > 255 {
			return badRequest("Invalid input for field/attribute metadata. A name has 1 to 255 characters, a value at most 255: '%s'", name)
		}
	}
	return nil
}

// newServer makes one server with its ports.
func (s *Service) newServer(r *http.Request, state *cloud.State, asked request, index int) (*cloud.Server, error) {
	server, err := s.blank(r, state, asked)
	if err != nil {
		return nil, err
	}
	if asked.MaxCount > 1 {
		server.Name = fmt.Sprintf("%s-%d", asked.Name, index+1)
	}
	if server.Hostname == "" || asked.MaxCount > 1 {
		server.Hostname = hostname(server.Name)
	}
	if err := s.addNICs(r, state, server, asked); err != nil {
		return nil, err
	}
	state.Servers[server.ID] = server
	if group := state.ServerGroups[asked.groupID]; group != nil {
		if state.Exceeds("server_group_members", len(living(state, group)), 1) {
			return nil, wire.Errorf(http.StatusForbidden, "", "Quota exceeded, too many servers in group")
		}
		group.Members = append(group.Members, server.ID)
		server.GroupID = group.ID
	}
	return server, nil
}

// blank is a server that fits the request, without a network.
func (s *Service) blank(r *http.Request, state *cloud.State, asked request) (*cloud.Server, error) {
	server := &cloud.Server{Common: cloud.NewCommon(asked.Name, state.ProjectID, s.now()), UserID: state.UserID,
		Hostname: asked.Hostname, Metadata: maps.Clone(asked.Metadata), UserData: asked.UserData, ConfigDrive: bool(asked.ConfigDrive),
		VMState: cloud.Building, TaskState: cloud.Scheduling, AdminPassword: asked.AdminPass, Zone: asked.AvailabilityZone}
	server.Tags, server.Description = slices.Clone(asked.Tags), asked.Description
	if !since(r, 19) {
		server.Description = asked.Name // as Nova has it for older clients
	}
	if server.AdminPassword == "" {
		server.AdminPassword = wire.NewHexID()[:12]
	}
	if server.Zone == "" {
		server.Zone = zones[0]
	}
	flavor := state.Flavors[string(asked.FlavorRef)]
	image := state.Images[imageID(asked)]
	switch {
	case imageID(asked) == "":
		return nil, badRequest("Block Device Mapping is Invalid: You specified no image to boot from.")
	case image == nil:
		return nil, badRequest("Image %s could not be found.", imageID(asked))
	case flavor == nil:
		return nil, badRequest("Flavor %s could not be found.", asked.FlavorRef)
	case !slices.Contains(zones, server.Zone):
		return nil, badRequest("The requested availability zone is not available")
	case image.Status != "":
		return nil, badRequest("Image %s is not active.", image.ID)
	case image.Ref == "":
		return nil, badRequest("Image %s is unacceptable: the practice cloud boots Docker images; its property owner_specified.docker.ref must name one", image.ID)
	case image.MinRAM > flavor.RAM:
		return nil, badRequest("Flavor's memory is too small for requested image.")
	case image.MinDisk > flavor.DiskGB:
		return nil, badRequest("Flavor's disk is too small for requested image. Flavor disk is %d bytes, minimum size is %d bytes.", flavor.DiskGB<<30, image.MinDisk<<30)
	case asked.groupID != "" && state.ServerGroups[asked.groupID] == nil:
		return nil, badRequest("Instance group %s could not be found.", asked.groupID)
	}
	server.ImageID, server.Flavor = image.ID, *flavor
	if asked.KeyName != "" {
		pair := state.KeyPairs[asked.KeyName]
		if pair == nil {
			return nil, badRequest("Invalid key_name provided.")
		}
		server.KeyName, server.PublicKey = pair.Name, pair.PublicKey
	}
	return server, nil
}

func imageID(asked request) string {
	if asked.ImageRef == "" && len(asked.Blocks) == 1 {
		return asked.Blocks[0].UUID
	}
	return asked.ImageRef[strings.LastIndex(asked.ImageRef, "/")+1:] // a URL does as well
}

var notInHostname = regexp.MustCompile(`[^a-z0-9.-]+`)

// hostname is what Nova makes of a server's name.
func hostname(name string) string {
	name = strings.ToLower(strings.NewReplacer(" ", "-", "_", "-").Replace(name))
	name = strings.Trim(notInHostname.ReplaceAllString(name, ""), "-.")
	if len(name) > 63 {
		name = strings.TrimRight(name[:63], "-.")
	}
	if name == "" {
		return "server"
	}
	return name
}
