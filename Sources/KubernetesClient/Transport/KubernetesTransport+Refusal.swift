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
        return error
    }
}
