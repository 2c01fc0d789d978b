{{/* What nginx answers itself, as problem+json like the app's own errors. */}}
{{- define "flask-scale.nginx.titles" -}}
"400": The request cannot be read
"404": There is nothing at this address
"405": The method is not allowed
"408": The request took too long
"413": The request is too large
"414": The address is too long
"431": The header is too large
"501": The request asks for what is not implemented
"502": The app broke off
"503": The app cannot answer just now
"504": The app did not answer in time
"505": The version of HTTP is not supported
{{- end -}}
