package auth

import "net/http"

// SameOrigin lets a request that can change something through only when the
// browser says that one of our own pages made it. net/http's protection lets
// requests with neither Sec-Fetch-Site nor Origin pass, for programs; the
// console has no such client, so they are refused too. deny answers.
func SameOrigin(next, deny http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if safe(r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		silent := r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == ""
		if silent || protection.Check(r) != nil {
			deny.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
