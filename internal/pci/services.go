package pci

import "github.com/bulkhead-sec/bulkhead/internal/netset"

// Service is a well-known port of a protocol that sends its data, and often its passwords, unencrypted.
type Service struct {
	Protocol netset.Protocol
	Port     int
	Name     string
	Instead  string // what to use in its place, as half a sentence
	// Negotiates says that the same port may be encrypted too, which no manifest shows: a person must look.
	Negotiates bool
	Admin      bool // made for administration
}

// ClearText is the ports that are clear text by convention (IANA service names, and the defaults of common
// products), by protocol and port. It is the one table of PCI DSS 1.2.6 and 2.2.5, and must not be changed.
func ClearText() []Service { return clearText }

var clearText = []Service{
	{netset.TCP, 20, "FTP data", "SFTP or FTPS", false, false},
	{netset.TCP, 21, "FTP", "SFTP or FTPS", false, false},
	{netset.TCP, 23, "Telnet", "SSH", false, true},
	{netset.TCP, 25, "SMTP", "SMTP with mandatory STARTTLS, or port 465", true, false},
	{netset.TCP, 80, "HTTP", "HTTPS", false, false},
	{netset.TCP, 110, "POP3", "POP3S on port 995", true, false},
	{netset.TCP, 111, "RPC portmapper", "a service that needs no portmapper", false, false},
	{netset.TCP, 139, "NetBIOS session", "SMB 3 with encryption", false, false},
	{netset.TCP, 143, "IMAP", "IMAPS on port 993", true, false},
	{netset.TCP, 389, "LDAP", "LDAPS on port 636", true, false},
	{netset.TCP, 445, "SMB", "SMB 3 with encryption", true, false},
	{netset.TCP, 512, "rexec", "SSH", false, true},
	{netset.TCP, 513, "rlogin", "SSH", false, true},
	{netset.TCP, 514, "rsh", "SSH", false, true},
	{netset.TCP, 873, "rsync", "rsync over SSH", false, false},
	{netset.TCP, 1433, "SQL Server", "forced encryption in the server", true, false},
	{netset.TCP, 1883, "MQTT", "MQTT over TLS on port 8883", false, false},
	{netset.TCP, 2049, "NFS", "NFS with Kerberos privacy or over TLS", true, false},
	{netset.TCP, 2181, "ZooKeeper", "its secureClientPort", false, false},
	{netset.TCP, 2375, "Docker API", "the API with mutual TLS on port 2376", false, true},
	{netset.TCP, 3000, "HTTP", "HTTPS", false, false},
	{netset.TCP, 3306, "MySQL", "require_secure_transport in the server", true, false},
	{netset.TCP, 5432, "PostgreSQL", "hostssl in pg_hba.conf", true, false},
	{netset.TCP, 5672, "AMQP", "AMQPS on port 5671", false, false},
	{netset.TCP, 5900, "VNC", "VNC through SSH or TLS", false, true},
	{netset.TCP, 6379, "Redis", "Redis with TLS, by convention on port 6380", true, false},
	{netset.TCP, 8000, "HTTP", "HTTPS", false, false},
	{netset.TCP, 8080, "HTTP", "HTTPS", false, false},
	{netset.TCP, 8081, "HTTP", "HTTPS", false, false},
	{netset.TCP, 8888, "HTTP", "HTTPS", false, false},
	{netset.TCP, 9042, "Cassandra", "client_encryption_options in the server", true, false},
	{netset.TCP, 9092, "Kafka", "a listener of type SSL or SASL_SSL", true, false},
	{netset.TCP, 9200, "Elasticsearch", "HTTPS in its HTTP layer", true, false},
	{netset.TCP, 10255, "kubelet read-only", "the authenticated kubelet port 10250", false, true},
	{netset.TCP, 11211, "Memcached", "Memcached with TLS", false, false},
	{netset.TCP, 27017, "MongoDB", "requireTLS in the server", true, false},
	{netset.UDP, 69, "TFTP", "SFTP", false, false},
	{netset.UDP, 137, "NetBIOS names", "DNS", false, false},
	{netset.UDP, 138, "NetBIOS datagrams", "SMB 3 with encryption", false, false},
	{netset.UDP, 161, "SNMP", "SNMP version 3 with privacy", true, false},
	{netset.UDP, 514, "syslog", "syslog over TLS on port 6514", false, false},
	{netset.UDP, 11211, "Memcached", "Memcached with TLS", false, false},
}
