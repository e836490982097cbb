package main

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	api "k8s.io/kubernetes/pkg/apis/core"
	controlplaneapiserver "k8s.io/kubernetes/pkg/controlplane/apiserver"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/service/storage"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// hookedProvider is what the stock provider of the core group is. Without the hook in the interface
// the repair loops would not be started, and nobody would say so.
type hookedProvider interface {
	controlplaneapiserver.RESTStorageProvider
	genericapiserver.PostStartHookProvider
}

// coreProvider is the stock provider, with the storage of Services changed.
type coreProvider struct {
	hookedProvider
	loops repairLoops
}

// PostStartHook keeps its name without the repair loops, so that health checks look as they do
// elsewhere.
func (p coreProvider) PostStartHook() (string, genericapiserver.PostStartHookFunc, error) {
	name, hook, err := p.hookedProvider.PostStartHook()
	if !p.loops {
		hook = func(genericapiserver.PostStartHookContext) error { return nil }
	}
	return name, hook, err
}

func (p coreProvider) NewRESTStorage(source serverstorage.APIResourceConfigSource, getter generic.RESTOptionsGetter) (genericapiserver.APIGroupInfo, error) {
	group, err := p.hookedProvider.NewRESTStorage(source, getter)
	if err != nil {
		return group, err
	}
	resources := group.VersionedResourcesStorageMap["v1"]
	services, ok := resources["services"].(*storage.REST)
	if !ok {
		return group, fmt.Errorf("the storage of Services is a %T", resources["services"])
	}
	disarm(services.Store)
	// The stock storage of the status has a copy of the store that releases addresses.
	status := *services.Store
	status.UpdateStrategy = service.StatusStrategy
	status.ResetFieldsStrategy = service.StatusStrategy
	status.BeginCreate, status.BeginUpdate = nil, nil
	resources["services/status"] = &statusREST{&status}
	return group, nil
}

// disarm takes allocation out of a store of Services, and leaves what keeps their fields in step.
func disarm(store *genericregistry.Store) {
	release := store.AfterDelete
	store.BeginCreate = func(_ context.Context, object runtime.Object, _ *metav1.CreateOptions) (genericregistry.FinishFunc, error) {
		couple(&object.(*api.Service).Spec)
		return finish, nil
	}
	store.BeginUpdate = func(_ context.Context, object, old runtime.Object, _ *metav1.UpdateOptions) (genericregistry.FinishFunc, error) {
		// Reads show more than is stored; what is compared must be what clients have seen.
		store.Decorator(old)
		keep(&object.(*api.Service).Spec, &old.(*api.Service).Spec)
		return finish, nil
	}
	store.AfterDelete = func(object runtime.Object, options *metav1.DeleteOptions) {
		// A headless Service has no claims: its Endpoints and node ports go, and nothing else.
		headless := object.(*api.Service).DeepCopy()
		headless.Spec.ClusterIP = api.ClusterIPNone
		headless.Spec.ClusterIPs = []string{api.ClusterIPNone}
		release(headless, options)
	}
}

func finish(context.Context, bool) {}

// couple sets clusterIPs where a client knows clusterIP only.
func couple(spec *api.ServiceSpec) {
	if spec.ClusterIP != "" && len(spec.ClusterIPs) == 0 {
		spec.ClusterIPs = []string{spec.ClusterIP}
	}
}

// keep lets a client leave out the addresses that it does not mean to change.
func keep(spec, old *api.ServiceSpec) {
	if spec.Type == api.ServiceTypeExternalName || old.Type == api.ServiceTypeExternalName {
		wipe(spec, old)
		couple(spec)
		return
	}
	if spec.ClusterIP == "" {
		spec.ClusterIP = old.ClusterIP
	}
	if len(spec.ClusterIPs) == 0 && spec.ClusterIP == old.ClusterIP {
		spec.ClusterIPs = old.ClusterIPs
	}
	couple(spec)
}

// wipe takes the addresses off a Service that becomes an ExternalName, if the client left them.
func wipe(spec, old *api.ServiceSpec) {
	if spec.Type == api.ServiceTypeExternalName && spec.ClusterIP == old.ClusterIP {
		spec.ClusterIP, spec.ClusterIPs = "", nil
		spec.IPFamilies, spec.IPFamilyPolicy = nil, nil
	}
}

// statusREST shows of a store what a status has. What a storage can do decides its routes.
type statusREST struct {
	store *genericregistry.Store
}

func (r *statusREST) New() runtime.Object { return &api.Service{} }

// Destroy does nothing: the store belongs to the Services.
func (r *statusREST) Destroy() {}

func (r *statusREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return r.store.Get(ctx, name, options)
}

func (r *statusREST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	return r.store.Update(ctx, name, info, create, update, false, options)
}

func (r *statusREST) ConvertToTable(ctx context.Context, object runtime.Object, options runtime.Object) (*metav1.Table, error) {
	return r.store.ConvertToTable(ctx, object, options)
}

func (r *statusREST) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return r.store.GetResetFields()
}
