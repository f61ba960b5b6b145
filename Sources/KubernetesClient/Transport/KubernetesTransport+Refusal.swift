import KubernetesModel

extension KubernetesTransport {
    /// The error that an answer of another status than 2xx stands for.
    func refusal(_ response: KubernetesResponse, _ body: [UInt8], _ request: KubernetesRequest) -> KubernetesError {
        var error = KubernetesError(
            httpStatus: response.status,
            body: body,
            retryAfter: response.retryAfter,
            request: request
        )
        if error.isUnauthorized {
            error.message =
                "the credentials of \(self.peer.user) were refused by \(self.peer.server) (401): they are wrong or have"
                + " expired; renew them, or choose another context"
        }
        if (300..<400).contains(response.status) {
            error.message =
                "\(self.peer.server) answered with a redirect (\(response.status)), which is not followed: is it the API"
                + " server, or does a login page or a proxy stand before it?"
        }
        if error.isNotFound, error.status?.message.isEmpty ?? true {
            error.message += "; is \(self.peer.server) an API server?"
        }
        return error
    }
}
