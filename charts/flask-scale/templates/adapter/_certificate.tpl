{{/*
The adapter's certificate, with the authority that signed it, as a Secret's data; computed once a render. It is kept
as long as the Secret is there, for ten years: delete that and upgrade for another. The authority's key is not kept.
*/}}
{{- define "flask-scale.adapter.certificate" -}}
{{- if not (hasKey . "flaskScaleCertificate") -}}
{{- $name := printf "%s-adapter" (include "flask-scale.fullname" .) -}}
{{- $data := get (lookup "v1" "Secret" .Release.Namespace $name | default dict) "data" -}}
{{- if not $data -}}
  {{- $host := printf "%s.%s.svc" $name .Release.Namespace -}}
  {{- $authority := genCAWithKey (printf "%s authority" $name) 3650 (genPrivateKey "ecdsa") -}}
  {{- $pair := genSignedCertWithKey $name nil (list $host) 3650 $authority (genPrivateKey "ecdsa") -}}
  {{- $data = dict "ca.crt" (b64enc $authority.Cert) "tls.crt" (b64enc $pair.Cert) "tls.key" (b64enc $pair.Key) -}}
{{- end -}}
{{- $_ := set . "flaskScaleCertificate" $data -}}
{{- end -}}
{{- toYaml .flaskScaleCertificate -}}
{{- end -}}
