// A control plane for tests, built on go-control-plane: the caches and the two ADS protocols are its own.
//
// In, on standard input, one JSON object a line:
//
//	{"node": "id", "version": "1", "resources": [{"@type": ..., ...}, ...]}   what the node gets from now on
//	{"clear": "id"}                                                          the node gets nothing any more
//	{"die": true}                                                            closes every connection at once and ends
//
// Each line is answered on standard output by {"done": ...} or {"error": ...}. The first line there is {"port": n}; every request of a client follows
// as {"request": {...}}. Ends with its standard input. Usage: controlplane -listen 127.0.0.1:PORT [-cert FILE -key FILE [-client-ca FILE]]
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"net"
	"os"
	"sync"

	_ "github.com/cncf/xds/go/udpa/type/v1"
	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/udp/udp_proxy/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type command struct {
	Node      string            `json:"node"`
	Version   string            `json:"version"`
	Resources []json.RawMessage `json:"resources"`
	Clear     string            `json:"clear"`
	Die       bool              `json:"die"`
}

var output sync.Mutex

func say(value any) {
	output.Lock()
	defer output.Unlock()
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}

// lenient gives a type that this program does not know the form {"@type": ..., "value": base64}, so that the bytes of any Any can be served.
type lenient struct{ *protoregistry.Types }

func (l lenient) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	found, err := l.Types.FindMessageByURL(url)
	if errors.Is(err, protoregistry.NotFound) {
		return (&wrapperspb.BytesValue{}).ProtoReflect().Type(), nil
	}
	return found, err
}

var kinds = map[string]func() types.Resource{
	resource.ClusterType:         func() types.Resource { return &cluster.Cluster{} },
	resource.EndpointType:        func() types.Resource { return &endpoint.ClusterLoadAssignment{} },
	resource.ListenerType:        func() types.Resource { return &listener.Listener{} },
	resource.RouteType:           func() types.Resource { return &route.RouteConfiguration{} },
	resource.ScopedRouteType:     func() types.Resource { return &route.ScopedRouteConfiguration{} },
	resource.ExtensionConfigType: func() types.Resource { return &core.TypedExtensionConfig{} },
}

func snapshot(given command) (*cache.Snapshot, error) {
	resources := map[resource.Type][]types.Resource{}
	for kind := range kinds {
		resources[kind] = nil
	}
	options := protojson.UnmarshalOptions{Resolver: lenient{protoregistry.GlobalTypes}}
	for _, text := range given.Resources {
		packed := &anypb.Any{}
		if err := options.Unmarshal(text, packed); err != nil {
			return nil, err
		}
		fresh, known := kinds[packed.TypeUrl]
		if !known {
			return nil, fmt.Errorf("%s is not served", packed.TypeUrl)
		}
		one := fresh()
		if err := proto.Unmarshal(packed.Value, one); err != nil {
			return nil, err
		}
		resources[packed.TypeUrl] = append(resources[packed.TypeUrl], one)
	}
	return cache.NewSnapshot(given.Version, resources)
}

func obey(ctx context.Context, snapshots cache.SnapshotCache, given command) error {
	if given.Clear != "" {
		snapshots.ClearSnapshot(given.Clear)
		return nil
	}
	made, err := snapshot(given)
	if err != nil {
		return err
	}
	return snapshots.SetSnapshot(ctx, given.Node, made)
}

func secured(cert, key, clientCA string) ([]grpc.ServerOption, error) {
	if cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if clientCA != "" {
		text, err := os.ReadFile(clientCA)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(text)
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewTLS(config))}, nil
}

func callbacks() server.Callbacks {
	return server.CallbackFuncs{
		StreamRequestFunc: func(stream int64, request *discovery.DiscoveryRequest) error {
			say(map[string]any{"request": map[string]any{
				"mode": "sotw", "stream": stream, "type": request.TypeUrl, "names": len(request.ResourceNames), "version": request.VersionInfo,
				"nonce": request.ResponseNonce, "error": request.GetErrorDetail().GetMessage(), "node": request.GetNode().GetId(),
				"cluster": request.GetNode().GetCluster(), "zone": request.GetNode().GetLocality().GetZone(),
				"metadata": request.GetNode().GetMetadata().AsMap(),
			}})
			return nil
		},
		StreamDeltaRequestFunc: func(stream int64, request *discovery.DeltaDiscoveryRequest) error {
			say(map[string]any{"request": map[string]any{
				"mode": "delta", "stream": stream, "type": request.TypeUrl, "names": len(request.ResourceNamesSubscribe), "nonce": request.ResponseNonce,
				"error": request.GetErrorDetail().GetMessage(), "node": request.GetNode().GetId(), "cluster": request.GetNode().GetCluster(),
				"zone": request.GetNode().GetLocality().GetZone(), "metadata": request.GetNode().GetMetadata().AsMap(),
			}})
			return nil
		},
	}
}

func run() error {
	address := flag.String("listen", "127.0.0.1:0", "where to listen; loopback only")
	cert := flag.String("cert", "", "PEM file of the server's certificate")
	key := flag.String("key", "", "PEM file of its key")
	clientCA := flag.String("client-ca", "", "PEM file of what client certificates are checked against")
	flag.Parse()
	security, err := secured(*cert, *key, *clientCA)
	if err != nil {
		return err
	}
	open, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	at := open.Addr().(*net.TCPAddr)
	if !at.IP.IsLoopback() {
		return errors.New("only loopback addresses are served")
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	snapshots := cache.NewSnapshotCache(true, cache.IDHash{}, nil)
	limits := append(security, grpc.MaxSendMsgSize(math.MaxInt32), grpc.MaxRecvMsgSize(math.MaxInt32))
	serving := grpc.NewServer(limits...)
	discovery.RegisterAggregatedDiscoveryServiceServer(serving, server.NewServer(ctx, snapshots, callbacks()))
	say(map[string]any{"port": at.Port})
	go func() { _ = serving.Serve(open) }()
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			serving.Stop()
			return nil
		}
		var given command
		if err := json.Unmarshal(line, &given); err != nil {
			say(map[string]any{"error": err.Error()})
			continue
		}
		if given.Die {
			serving.Stop()
			return nil
		}
		if err := obey(ctx, snapshots, given); err != nil {
			say(map[string]any{"error": err.Error()})
			continue
		}
		say(map[string]any{"done": given.Node + given.Clear})
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}
