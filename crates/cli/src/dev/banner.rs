use console::style;

use super::{BrokerChoice, Dev, RegistryChoice};

/// What there is to see.
pub fn text(dev: &Dev) -> String {
    let broker = match &dev.options.broker {
        BrokerChoice::Disk { .. } => "embedded, for development; production is Apache Kafka",
        BrokerChoice::Memory { .. } => "embedded, in memory: gone when this ends",
        BrokerChoice::External(_) => "yours",
    };
    let registry = match &dev.options.registry {
        RegistryChoice::Embedded(_) => "embedded",
        RegistryChoice::External(_) => "yours",
    };
    let kafka = dev.connection.bootstrap_servers();
    let rows = [
        ("Kafka", kafka.to_owned(), broker.to_owned()),
        ("schemas", without_password(&dev.registry_url), registry.to_owned()),
        ("HTTP", dev.http_url(), "/health /metrics /api/v1/orders".to_owned()),
        ("data", dev.options.data_dir.display().to_string(), "remove the folder to begin anew".to_owned()),
    ];
    let mut text = format!("{}\n", style("headwater dev serves").green().bold());
    for (name, place, remark) in rows {
        text.push_str(&format!("  {name:<8} {place:<32} {}\n", style(remark).dim()));
    }
    text.push_str("try\n");
    text.push_str(&format!(
        "  echo '{{\"type\":\"PlaceOrder\",\"order_id\":\"o-1\",\"customer_id\":\"c-1\",\"currency\":\"GBP\",\
         \"items\":[{{\"sku\":\"prod-002\",\"quantity\":2}}]}}' | headwater produce -b {kafka} -t orders.commands\n"
    ));
    text.push_str(&format!("  curl {}/api/v1/orders/o-1", dev.http_url()));
    text
}

fn without_password(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://{host}"),
        None => url.to_owned(),
    }
}
