{{/* What never changes: selectors are made of it. */}}
{{- define "roster.selector" -}}
app.kubernetes.io/name: roster
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller-manager
{{- end }}

{{- define "roster.labels" -}}
{{ include "roster.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/part-of: roster
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Who does what a role allows. */}}
{{- define "roster.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ .Release.Name }}
    namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "roster.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The one in which the Lease and the accounts of controllers lie. */}}
{{- define "roster.checkNamespace" -}}
{{- if ne .Release.Namespace "kube-system" -}}
{{- fail "Roster lives in kube-system, where its Lease is and where the API server gives it precedence: helm install --namespace kube-system" -}}
{{- end -}}
{{- end }}
