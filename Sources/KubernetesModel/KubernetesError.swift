/// Why something asked of the API server did not happen.
public struct KubernetesError: Error, Sendable {
    /// The kind of failure; open, so that new kinds break nobody's `switch`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// 404: no such object, or no such resource.
        public static let notFound = Code("not found")
        /// 409: someone else was faster, or a precondition did not hold.
        public static let conflict = Code("conflict")
        /// 409 of a create: the name is taken.
        public static let alreadyExists = Code("already exists")
        /// 403: the credentials are known and not allowed to.
        public static let forbidden = Code("forbidden")
        /// 401: the credentials are missing, wrong or expired.
        public static let unauthorized = Code("unauthorized")
        /// 410: the resource version or continue token is too old.
        public static let expired = Code("expired")
        /// 422: the object or patch is not acceptable, or a `test` failed.
        public static let invalid = Code("invalid")
        /// Another 4xx.
        public static let badRequest = Code("bad request")
        /// No connection, or one that broke.
        public static let unreachable = Code("unreachable")
        /// No answer in time.
        public static let timeout = Code("timeout")
        /// 429.
        public static let tooManyRequests = Code("too many requests")
        /// 5xx.
        public static let server = Code("server error")
        /// The kubeconfig cannot be used as it is.
        public static let configuration = Code("configuration")
        /// The kubeconfig asks for something Detour cannot do yet.
        public static let unsupported = Code("unsupported")
        /// There are no credentials at the moment: the plugin that gives them failed.
        public static let credentials = Code("no credentials")
        /// The peer does not speak as agreed.
        public static let protocolViolation = Code("protocol violation")
    }

    /// The kind of failure.
    public var code: Code
    /// What went wrong and, where one is known, the mend.
    public var message: String
    /// The server's own words, when it gave any.
    public var status: KubernetesStatus?
    /// The request in short: method and path.
    public var request: String?
    /// How long the server asks to wait before another try.
    public var retryAfter: Duration?
    /// The error below this one.
    public var cause: (any Error)?

    /// A failure by its parts.
    public init(
        _ code: Code,
        _ message: String,
        status: KubernetesStatus? = nil,
        request: String? = nil,
        retryAfter: Duration? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.status = status
        self.request = request
        self.retryAfter = retryAfter
        self.cause = cause
    }
}

extension KubernetesError {
    /// Whether the same request may succeed later without anyone changing anything.
    public var isRetryable: Bool {
        [.unreachable, .timeout, .tooManyRequests, .credentials].contains(self.code)
            || (self.code == .server && ![501, 505].contains(self.status?.code))
    }

    /// Whether a change may have been done although no answer said so.
    public var isOutcomeUnknown: Bool { self.isUnreachable || self.isTimeout || self.code == .server }
    /// 404.
    public var isNotFound: Bool { self.code == .notFound }
    /// 409 that is not "already exists".
    public var isConflict: Bool { self.code == .conflict }
    /// 409 of a create.
    public var isAlreadyExists: Bool { self.code == .alreadyExists }
    /// 403.
    public var isForbidden: Bool { self.code == .forbidden }
    /// 401.
    public var isUnauthorized: Bool { self.code == .unauthorized }
    /// 410.
    public var isExpired: Bool { self.code == .expired }
    /// 422.
    public var isInvalid: Bool { self.code == .invalid }
    /// No connection, or one that broke.
    public var isUnreachable: Bool { self.code == .unreachable }
    /// No answer in time.
    public var isTimeout: Bool { self.code == .timeout }
}

extension KubernetesError: CustomStringConvertible, Equatable {
    /// The message, and what it was about.
    public var description: String {
        guard let request = self.request else { return self.message }
        return "\(self.message) (\(request))"
    }

    /// Errors are equal when their codes are: what a test or a `catch` wants to know.
    public static func == (left: Self, right: Self) -> Bool { left.code == right.code }
}

extension KubernetesError {
    /// The failure that an HTTP answer of 400 and above stands for.
    ///
    /// - Parameters:
    ///   - httpStatus: the status code.
    ///   - body: the body; a `Status` object from the API server, anything from a proxy in between.
    ///   - retryAfter: the `Retry-After` header in seconds.
    ///   - request: what was asked.
    public init(httpStatus: Int, body: [UInt8], retryAfter: Int? = nil, request: KubernetesRequest) {
        let status = (try? JSONValue(parsing: body)).flatMap { KubernetesStatus($0) }
        let code = Code(httpStatus: httpStatus, reason: status?.reason ?? "", isCreate: request.method == .post)
        let said = status?.message.isEmpty == false ? status?.message : nil
        let seconds = retryAfter ?? status?.retryAfterSeconds
        self.init(
            code,
            said ?? "the API server answered \(httpStatus)\(Self.words(of: body))",
            status: status ?? KubernetesStatus(code: httpStatus, reason: "", message: said ?? ""),
            request: request.summary,
            retryAfter: seconds.map { .seconds(max(0, $0)) }
        )
    }

    /// What a body says that is no `Status`: a proxy's, as a rule. Of a page for browsers nothing.
    private static func words(of body: [UInt8]) -> String {
        let text = String(decoding: body.prefix(200), as: UTF8.self).filter { $0 >= " " }
        if text.isEmpty || text.hasPrefix("{") { return " without saying why" }
        return text.hasPrefix("<") ? " with a web page" : ": \(text)"
    }
}

extension KubernetesError.Code {
    /// The code for an HTTP status and the `reason` beside it.
    public init(httpStatus: Int, reason: String, isCreate: Bool = false) {
        switch (httpStatus, reason) {
        case (_, "AlreadyExists"): self = .alreadyExists
        case (_, "Expired"), (_, "Gone"), (410, _): self = .expired
        case (401, _): self = .unauthorized
        case (403, _): self = .forbidden
        case (404, _): self = .notFound
        case (409, _): self = isCreate && reason.isEmpty ? .alreadyExists : .conflict
        case (422, _): self = .invalid
        case (429, _): self = .tooManyRequests
        case (408, _), (504, _): self = .timeout
        case (500..., _): self = .server
        default: self = .badRequest
        }
    }
}
