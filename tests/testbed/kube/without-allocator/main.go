// Command without-allocator is a kube-apiserver that gives Services no ClusterIPs: it stores them as
// clients write them, and releases nothing. Validation, admission, watches, the IPAddress and
// ServiceCIDR APIs and all the rest are the real ones. It takes kube-apiserver's flags, and
// --repair-loops=false to do without the loops that compare Services with their IPAddresses.
//
// Allocation sits in three fields of the storage of Services. Nothing in the stock start-up leads
// there, so the assembly is written anew here, out of the parts that kube-apiserver exports.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	genericapifilters "k8s.io/apiserver/pkg/endpoints/filters"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/util/notfoundhandler"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	basecompatibility "k8s.io/component-base/compatibility"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/component-base/version"
	aggregatorapiserver "k8s.io/kube-aggregator/pkg/apiserver"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	controlplaneapiserver "k8s.io/kubernetes/pkg/controlplane/apiserver"
	"k8s.io/kubernetes/pkg/controlplane/controller/defaultservicecidr"
	"k8s.io/kubernetes/pkg/controlplane/controller/kubernetesservice"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("Kubernetes", version.Get())
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx := genericapiserver.SetupSignalContext()
	completed, loops, err := parse()
	if err != nil {
		return err
	}
	chosen, err := completed.Complete(ctx)
	if err != nil {
		return err
	}
	if errs := chosen.Validate(); len(errs) != 0 {
		return utilerrors.NewAggregate(errs)
	}
	config, err := app.NewConfig(chosen)
	if err != nil {
		return err
	}
	parts, err := config.Complete()
	if err != nil {
		return err
	}
	server, err := assemble(parts, loops)
	if err != nil {
		return err
	}
	prepared, err := server.PrepareRun()
	if err != nil {
		return err
	}
	return prepared.Run(ctx)
}

// repairLoops says whether the server compares Services with their IPAddresses.
type repairLoops bool

func parse() (*options.ServerRunOptions, repairLoops, error) {
	chosen := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("without-allocator", pflag.ContinueOnError)
	sets := chosen.Flags()
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	loops := flags.Bool("repair-loops", true, "Compare Services with their IPAddresses")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return nil, false, err
	}
	registry := chosen.GenericServerRunOptions.ComponentGlobalsRegistry
	if err := registry.Set(); err != nil {
		return nil, false, err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	gates := registry.FeatureGateFor(basecompatibility.DefaultKubeComponent)
	return chosen, repairLoops(*loops), logsapi.ValidateAndApply(chosen.Logs, gates)
}

// assemble puts the three servers one behind the other: custom resources, Kubernetes, aggregation.
func assemble(parts app.CompletedConfig, loops repairLoops) (*aggregatorapiserver.APIAggregator, error) {
	notFound := notfoundhandler.New(parts.KubeAPIs.ControlPlane.Generic.Serializer, genericapifilters.NoMuxAndDiscoveryIncompleteKey)
	extensions, err := parts.ApiExtensions.New(genericapiserver.NewEmptyDelegateWithCustomHandler(notFound))
	if err != nil {
		return nil, err
	}
	kube, err := kubernetesServer(parts, extensions.GenericAPIServer, loops)
	if err != nil {
		return nil, err
	}
	definitions := extensions.Informers.Apiextensions().V1().CustomResourceDefinitions()
	resource := apiextensionsv1.SchemeGroupVersion.WithResource("customresourcedefinitions")
	enabled := parts.ApiExtensions.GenericConfig.MergedResourceConfig.ResourceEnabled(resource)
	return controlplaneapiserver.CreateAggregatorServer(parts.Aggregator, kube.GenericAPIServer, definitions, enabled, priorities(kube.GenericAPIServer))
}

func kubernetesServer(parts app.CompletedConfig, extensions genericapiserver.DelegationTarget, loops repairLoops) (*controlplaneapiserver.Server, error) {
	kube := parts.KubeAPIs
	server, err := kube.ControlPlane.New(controlplaneapiserver.KubeAPIServer, extensions)
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(kube.ControlPlane.Generic.LoopbackClientConfig)
	if err != nil {
		return nil, err
	}
	providers, err := kube.StorageProviders(client)
	if err != nil {
		return nil, err
	}
	for place, provider := range providers {
		if provider.GroupName() == "" {
			providers[place] = coreProvider{provider.(hookedProvider), loops}
		}
	}
	if err := server.InstallAPIs(providers...); err != nil {
		return nil, err
	}
	return server, addHooks(parts, server, client)
}

// addHooks adds what the stock constructor starts: the Service through which Pods reach the API
// server, and the default ServiceCIDR.
func addHooks(parts app.CompletedConfig, server *controlplaneapiserver.Server, client *kubernetes.Clientset) error {
	kube := parts.KubeAPIs
	_, port, err := kube.ControlPlane.Generic.SecureServing.HostPort()
	if err != nil {
		return err
	}
	service := kubernetesservice.New(kubernetesservice.Config{
		PublicIP:                  kube.ControlPlane.Generic.PublicAddress,
		EndpointReconciler:        kube.Extra.EndpointReconcilerConfig.Reconciler,
		EndpointInterval:          kube.Extra.EndpointReconcilerConfig.Interval,
		ServiceIP:                 kube.Extra.APIServerServiceIP,
		ServicePort:               kube.Extra.APIServerServicePort,
		PublicServicePort:         port,
		KubernetesServiceNodePort: kube.Extra.KubernetesServiceNodePort,
	}, client, kube.ControlPlane.Extra.VersionedInformers.Core().V1().Services())
	generic := server.GenericAPIServer
	generic.AddPostStartHookOrDie("bootstrap-controller", func(hook genericapiserver.PostStartHookContext) error {
		service.Start(hook.Done())
		return nil
	})
	generic.AddPreShutdownHookOrDie("stop-kubernetes-service-controller", func() error {
		service.Stop()
		return nil
	})
	generic.AddPostStartHookOrDie("start-kubernetes-service-cidr-controller", func(hook genericapiserver.PostStartHookContext) error {
		defaultservicecidr.NewController(kube.Extra.ServiceIPRange, kube.Extra.SecondaryServiceIPRange, client).Start(hook)
		return nil
	})
	return nil
}

// priorities gives every API group one: without it a group is missing from /apis for clients that
// know no aggregated discovery.
func priorities(server *genericapiserver.GenericAPIServer) map[schema.GroupVersion]controlplaneapiserver.APIServicePriority {
	all := controlplaneapiserver.DefaultGenericAPIServicePriorities()
	for _, path := range server.ListedPaths() {
		words := strings.Split(strings.TrimPrefix(path, "/apis/"), "/")
		if !strings.HasPrefix(path, "/apis/") || len(words) != 2 {
			continue
		}
		version := schema.GroupVersion{Group: words[0], Version: words[1]}
		if _, known := all[version]; !known {
			all[version] = controlplaneapiserver.APIServicePriority{Group: 16000, Version: 9}
		}
	}
	return all
}
