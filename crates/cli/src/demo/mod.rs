//! `headwater demo`: real orders through `dev`, checked against a count made straight from the file.

mod checks;
mod count;
mod data;
mod folder;
mod outcome;
mod shop;
mod summary;
mod traffic;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use headwater_kafka::TopicPrefix;
use headwater_payments::Profile;
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{DemoArgs, PaymentProfile};
use crate::dev::{BrokerChoice, Dev, DevOptions, RegistryChoice};
use crate::signals::Signals;
use crate::{Error, clock};
use folder::DemoFolder;
use summary::Summary;
use traffic::{Client, Seen};

/// What the count expects the provider to do; `dev` is started with it.
const PAYMENTS: PaymentProfile = PaymentProfile::Default;

/// Runs the demo.
///
/// # Errors
/// Failed, when it could not run to its end, or what came out is not what was counted.
pub async fn run(arguments: &DemoArgs) -> Result<(), Error> {
    let mut signals = Signals::watch()?;
    tokio::select! {
        ended = perform(arguments) => ended,
        _ = signals.next() => Err(Error::failed("interrupted")),
    }
}

async fn perform(arguments: &DemoArgs) -> Result<(), Error> {
    let folder = DemoFolder::make(arguments.data_dir.as_deref())?;
    let begun = clock::moment();
    let dev = Dev::start(options(arguments, &folder)).await?;
    eprintln!("headwater dev serves after {:.1} s: {}", begun.elapsed().as_secs_f64(), dev.http_url());
    let shown = show(arguments, &dev).await;
    if shown.is_ok() && arguments.stay {
        eprintln!("everything stays up until Ctrl-C");
        std::future::pending::<()>().await;
    }
    let stopped = dev.stop().await;
    shown.and(stopped)
}

async fn show(arguments: &DemoArgs, dev: &Dev) -> Result<(), Error> {
    let text = data::text()?;
    let invoices = data::invoices(&text, arguments.orders)?;
    let stock = shop::stock(&invoices);
    let orders = invoices
        .iter()
        .map(|invoice| Ok((invoice.invoice.clone(), shop::place_order(invoice)?)))
        .collect::<Result<traffic::Commands, Error>>()?;
    let profile = Profile::named(PAYMENTS.name()).unwrap_or_default();
    let count = count::count(&text, invoices.len(), &stock, profile)?;

    let (connection, registry) = (dev.connection().clone(), dev.registry_url().to_owned());
    let (in_stock, in_flight) = (stock.clone(), arguments.in_flight);
    let patience = Duration::from_secs(arguments.patience_s);
    let sold = count.units.clone();
    let driven = tokio::task::spawn_blocking(move || {
        let mut client = Client::new(connection, &registry)?;
        let mut seen = Seen::default();
        let bar = progress("receiving stock", in_stock.received.len() + in_stock.sold_out.len());
        client.stock(&in_stock, &mut seen, patience, &bar)?;
        bar.finish();
        let begun = clock::moment();
        let bar = progress("orders ended", orders.len());
        client.orders(&orders, in_flight, &mut seen, patience, &bar)?;
        bar.finish();
        let took = begun.elapsed();
        client.settle(&mut seen, Duration::from_secs(10), |seen| checks::stock_is_settled(seen, &sold))?;
        Ok::<_, Error>((seen, took))
    });
    let failing = dev.service().failed();
    let (seen, took) = tokio::select! {
        driven = driven => driven??,
        reason = failing => return Err(Error::failed(format!("the application has failed: {reason}"))),
    };
    let checked = checks::check(&count, &seen, &dev.http_url()).await?;
    let summary = Summary { count: &count, stock: &stock, seen: &seen, took, in_flight, checked: &checked, dev };
    println!("{}", summary.text().await);
    if checked.is_good() {
        return Ok(());
    }
    Err(Error::failed("what came out is not what the file says: see the lines marked ✗"))
}

fn options(arguments: &DemoArgs, folder: &DemoFolder) -> DevOptions {
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    DevOptions {
        data_dir: folder.path().to_owned(),
        broker: BrokerChoice::Disk { port: 0 },
        registry: RegistryChoice::Embedded(free),
        prefix: TopicPrefix::none(),
        http: free,
        workers: arguments.workers,
        fusion: true,
        producer: headwater_kafka::ProducerEngine::default(),
        memory_mib: 256,
        payments: PAYMENTS,
    }
}

fn progress(what: &'static str, length: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX));
    let template = "{msg:>16} {bar:40.cyan/dim} {pos}/{len}  {per_sec}  {elapsed}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(what)
}
